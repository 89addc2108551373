"""lm-evaluation-harness: a task file and a file of rows for each task, split, setting and template.

The prompts are written out, so that no template language reads them again. Accuracy is the harness's own `acc`, the
highest sum of log-probabilities; other metrics are openflan's, which then has to be installed beside the harness.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openflan import __version__
from openflan.evaluation.metrics import metric
from openflan.files import write_text
from openflan.interop.export.prompts import Asked
from openflan.interop.export.shards import write_rows
from openflan.interop.export.target import as_yaml

NAME = "lm-eval"
TAG = "openflan"

REMARK = (
    "`acc` of each task is openflan's accuracy of that template, as a share of one; other scores run from 0 to 100. "
    "The harness knows neither means over templates nor intervals over examples. The paths are absolute: after moving "
    "the folder, change `data_files`."
)


def write(folder: Path, group: Asked, max_tokens: int) -> None:
    """Write a group's rows and its task file, and the functions of its metric where that is not the harness's own."""
    data = folder / "data" / f"{group.name}.jsonl"
    write_rows([_row(row, _several(group)) for row in group.rows], data)
    values: dict[str, Any] = {
        "task": group.name,
        "tag": [TAG, f"{TAG}_{group.task.name.replace(':', '_')}"],
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "doc_to_text": "input",
        "target_delimiter": "",
        "num_fewshot": 0,
    }
    if group.is_ranked:
        values |= {"output_type": "multiple_choice", "doc_to_choice": "options", "doc_to_target": "gold"}
    else:
        values |= {
            "output_type": "generate_until",
            "doc_to_target": "target",
            "generation_kwargs": _limits(group, max_tokens),
        }
    write_text(folder / f"{group.name}.yaml", as_yaml(values) + _metrics(folder, group) + as_yaml(_about(group)))


def command(folder: Path, model: Path) -> str:
    """What runs all of it."""
    return f"lm_eval --model hf --model_args pretrained={model} --include_path {folder} --tasks {TAG}"


def _limits(group: Asked, max_tokens: int) -> dict[str, Any]:
    # The harness adds the model's end token itself, but wants one string at least.
    return {"until": list(group.stop) or ["\x00"], "max_gen_toks": max_tokens, "do_sample": False}


def _several(group: Asked) -> bool:
    return any(len(row["gold"]) > 1 for row in group.rows)


def _row(row: Mapping[str, Any], several: bool) -> dict[str, Any]:
    """A row whose `gold` is one place, or a list where some row of its file has several."""
    gold = row["gold"] if several or not row["gold"] else row["gold"][0]
    return {**row, "gold": gold}


def _metrics(folder: Path, group: Asked) -> str:
    """The lines of the task file that say how it is scored."""
    line = group.task.card.metric
    if group.is_ranked and line == "accuracy":
        return as_yaml({"metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}]})
    module = "openflan_" + "".join(mark if mark.isalnum() else "_" for mark in line)
    names, better = metric(line).names, str(metric(line).higher_is_better).lower()
    write_text(folder / f"{module}.py", _functions(line, names))
    scores = "".join(
        f"- metric: {name}\n  aggregation: !function {module}.{name}\n  higher_is_better: {better}\n" for name in names
    )
    return f"process_results: !function {module}.process\nmetric_list:\n{scores}"


def _functions(line: str, names: tuple[str, ...]) -> str:
    head = (
        f'"""The metric {line}, as openflan scores it."""\n\n'
        "from openflan.interop.export.scoring import judged, score\n\n\n"
        f"def process(doc, results):\n    return judged({line!r}, doc, results)\n"
    )
    return head + "".join(f"\n\ndef {name}(items):\n    return score({line!r}, {name!r}, items)\n" for name in names)


def _about(group: Asked) -> dict[str, Any]:
    card = group.task.card
    return {"metadata": {"version": 1.0, "openflan": __version__, "licence": card.licence, "cluster": card.cluster}}
