#!/usr/bin/env bash
# The paper's schedule on a 135M model with NLI held out: rows prepared where the datasets are, trained on where the GPU is.
#
#   benchmarks/flan_schedule.sh prepare MIRROR OUT       # here: OUT/rows (tokens only; about 250 million at full length)
#   benchmarks/flan_schedule.sh train OUT RUN [SET…]     # there, without any dataset: RUN/model
#   benchmarks/flan_schedule.sh measure MIRROR RUN [OPTION…]  # here: before and after, on NLI and what it was tuned on
#
# SET are changes such as train.steps=20, to try the way at a small size on a CPU.
set -euo pipefail
verb=$1
shift
recipe=(flan62 --set "data.tasks=[flan62]" --set data.carve=true)
case $verb in
  prepare) openflan prepare "${recipe[@]}" --set "data.source=mirror:$1" --out "$2/rows" "${@:3}" ;;
  train)
    changes=()
    for change in "${@:3}"; do changes+=(--set "$change"); done
    openflan train "${recipe[@]}" "${changes[@]}" --prepared "$1/rows" --without-rows --out "$2"
    ;;
  measure)
    tasks=(rte snli anli:r1 anli:r2 anli:r3 mnli:matched qnli wnli sst2 imdb ag_news boolq copa piqa)
    for model in smollm2-135m-instruct "$2"; do
      openflan eval "$model" "${recipe[@]}" --set "data.source=mirror:$1" --tasks "${tasks[@]}" --rows 200 \
        --out "$2/eval/$(basename "$model")" "${@:3}"
    done
    openflan compare "$2/eval/smollm2-135m-instruct" "$2/eval/$(basename "$2")"
    ;;
esac
