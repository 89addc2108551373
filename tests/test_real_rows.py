"""Every card on real rows: it loads them, every template renders, and gold answers are those of the label column."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from openflan.data.example import Example
from openflan.data.prompt import BaselineWriter, Prompt, TemplateWriter, writers
from openflan.data.rows import TaskRows, load_rows
from openflan.data.sources import SAMPLES, MirrorSource, OpenTask
from openflan.errors import MissingRowsError
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task, load_catalog
from openflan.tasks.slices import Slice
from openflan.tasks.text import names_in

READ, RENDERED = 600, 200

ABSENT = {
    "cb",
    "story_cloze",
    "sentiment140",
    "arc:challenge",
    "dart",
    "mnli:mismatched",
    "wmt16_tren",
    "wsc",
    "quac",
    "trec",
    "opinion_abstracts_movie",
    "samsum",
}
"""Tasks of which the shared folder holds no rows."""

LEFT_OUT: dict[str, set[str]] = {
    "arc:easy": {"not exactly four choices"},
    "coqa": {"fewer than two questions"},
    "gigaword": {"masked digits", "unknown words"},
    "multi_news": {"fewer than two articles"},
    "openbookqa": {"two options are the same"},
    "record": {"no entities"},
    "true_case": {"no capitals to restore"},
    "xsum": {"article under fifteen words"},
}
"""Why rows make no example, where some do not."""

UNTITLED = {"newsroom"}
"""Tasks whose inverted templates ask for a title, which the shared rows lack."""

TASKS = load_catalog().tasks("all")


class OneSplit:
    """The first rows of one split of a mirror, all in the role `test`."""

    def __init__(self, root: Path, split: str) -> None:
        self.source, self.split, self.name = MirrorSource(root, "mirror"), split, "mirror"

    def open(self, task: Task) -> OpenTask:
        opened = self.source.open(task)
        table = opened.table(self.split).slice(0, READ)
        opened.layout = opened.layout.model_copy(update={"splits": {"test": Slice(self.split)}})
        opened.table = lambda split: table  # type: ignore[method-assign]
        opened.files = dict  # type: ignore[method-assign]
        return opened


def splits_of(root: Path, task: Task) -> list[str]:
    """The splits at hand that the task's card uses."""
    opened = MirrorSource(root, "mirror").open(task)
    used = {part.split for part in opened.layout.splits.values()}
    return [split for split in opened.splits() if split in used]


@pytest.mark.parametrize("task", [task for task in TASKS if task.name not in ABSENT], ids=lambda task: task.name)
def test_real_rows(task: Task, shared_data: Path) -> None:
    splits = splits_of(shared_data, task)
    assert splits
    for split in splits:
        rows = load_rows(task, "test", OneSplit(shared_data, split))
        assert set(rows.skipped) <= LEFT_OUT.get(task.name, set())
        assert_renders(rows)
        assert_labels(rows, split)


@pytest.mark.parametrize("task", [task for task in TASKS if task.name in ABSENT], ids=lambda task: task.name)
def test_absent_datasets_work_on_their_samples(task: Task) -> None:
    splits = splits_of(SAMPLES, task)
    assert splits
    for split in splits:
        assert_renders(load_rows(task, "test", OneSplit(SAMPLES, split)))


def test_every_folder_of_real_rows_is_covered(shared_data: Path) -> None:
    source = MirrorSource(shared_data, "mirror")
    covered = set()
    for task in TASKS:
        try:
            covered.add(Path(source.open(task).origin).name)
        except MissingRowsError:
            assert task.name in ABSENT
    folders = {path.name for path in shared_data.iterdir() if path.is_dir() and path.name != "_extra"}
    assert covered == folders


def assert_renders(rows: TaskRows) -> None:
    """Every template renders on the first rows, with a target, and ranks the answer among its options."""
    examples = list(islice(rows, RENDERED))
    chosen: list[TemplateWriter | BaselineWriter] = [*writers(rows.task)]
    if rows.task.card.baseline:
        chosen.append(BaselineWriter(rows.task))
    for writer in chosen:
        prompts = [prompt for example in examples if (prompt := written(writer, example))]
        assert prompts or rows.task.name in UNTITLED
        for prompt in prompts:
            assert not prompt.options or prompt.target in prompt.options
            assert set(prompt.references) <= set(prompt.options or prompt.references)
    for example in examples:
        assert not example.options or example.answer in example.options
        assert len(set(example.options)) == len(example.options)


def written(writer: TemplateWriter | BaselineWriter, example: Example) -> Prompt | None:
    """The prompt; None where an inverted template passes over a row that has nothing to ask for (no title, say)."""
    try:
        return writer.write(example)
    except SkipRow as reason:
        if isinstance(writer, TemplateWriter) and writer.template.inverted and "empty" in str(reason):
            return None
        raise


def assert_labels(rows: TaskRows, split: str) -> None:
    """Where options stand for labels: the answers are the label column's, read without the package."""
    columns = [name for name, kind in rows.layout.columns.items() if kind.labels]
    label = next((name for name in columns if name in names_in(rows.layout.answer or "")), None)
    if label is None or not isinstance(rows.layout.options, dict):
        return
    raw = raw_labels(Path(rows.origin.rpartition(" ")[0]), split, label)
    answered = [example.labels[example.options.index(example.answer)] for example in rows]
    expected = [raw[position] for position in rows.positions.tolist()]
    assert Counter(answered) == Counter(expected)
    assert answered == expected
    assert len(set(answered)) > 1


def raw_labels(folder: Path, split: str, column: str) -> list[Any]:
    """A label column as names, through the ClassLabel names in the files' own metadata."""
    table = pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob(f"{split}*.parquet"))])
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    values = table.column(column).to_pylist()
    names = features[column].get("names")
    return [names[value] for value in values] if names else values
