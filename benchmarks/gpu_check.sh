#!/bin/sh
# Every path through a GPU, in under ten minutes, on one of them and without network: whether it ran, whether it equals
# the float32 reference on the CPU, and how fast it was. Writes benchmarks/results/gpu_check.json.
#
#     benchmarks/gpu_check.sh                  on the GPU
#     benchmarks/gpu_check.sh --device cpu     the same paths on the CPU, to try the script itself
set -eu
cd "$(dirname "$0")/.."
export HF_HUB_OFFLINE=1 PYTHONPATH="$PWD/src:$PWD/tests/support:$PWD${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python}" -m benchmarks.gpu_check "$@"
