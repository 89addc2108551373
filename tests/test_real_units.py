"""On real rows: no passage, question or other unit of a card is on both sides of a cut."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from openflan.data.rows import load_rows
from openflan.data.sources import MirrorSource
from openflan.data.splits import SplitAssigner
from openflan.data.units import unit_keys
from openflan.errors import MissingRowsError
from openflan.tasks.registry import Task, load_catalog
from openflan.tasks.slices import Role

SPLIT = [task for task in load_catalog().tasks("all") if len(task.layouts[0].splits) > 1]
TASKS = [task for task in SPLIT if any(layout.unit for layout in task.layouts)]


def shares(task: Task, root: Path, carve: bool) -> dict[Role, set[bytes]]:
    """The units of every role that there are rows for; skips the test where there are none."""
    try:
        opened = MirrorSource(root, "mirror").open(task)
    except MissingRowsError:
        pytest.skip("no rows of it in the folder")
    if opened.layout.unit is None:
        pytest.skip("the copy at hand has nothing that rows share")
    deal, found = SplitAssigner(opened, carve), dict[Role, set[bytes]]()
    for role in opened.layout.splits:
        try:
            share = deal.share(role)
        except MissingRowsError:
            continue
        keys = unit_keys(share.table, opened.layout.unit) or []
        found[role] = {key for row in share.positions.tolist() for key in keys[row]}
        assert len(share.positions)
    return found


@pytest.mark.parametrize("carve", [False, True], ids=["ordinary", "carved"])
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_no_unit_is_on_both_sides_of_a_cut(task: Task, carve: bool, shared_data: Path) -> None:
    units = shares(task, shared_data, carve)
    assert len(units) == len(task.layouts[0].splits) or not carve
    for one, other in combinations(units, 2):
        assert not units[one] & units[other], f"{one} and {other} share units"


@pytest.mark.parametrize("carve", [False, True], ids=["ordinary", "carved"])
@pytest.mark.parametrize("task", [task for task in SPLIT if task not in TASKS], ids=lambda task: task.name)
def test_a_set_without_units_has_no_text_twice(task: Task, carve: bool, shared_data: Path) -> None:
    """Rows of large sets whose rows share nothing are cut one by one: right as long as none comes twice."""
    source, texts = MirrorSource(shared_data, "mirror"), dict[Role, set[str]]()
    for role in task.layouts[0].splits:
        try:
            rows = load_rows(task, role, source, carve=carve)
        except MissingRowsError:
            continue
        texts[role] = {max(map(str, example.fields.values()), key=len) for example in rows}
    if len(texts) < 2:
        pytest.skip("the copy at hand has rows of one role only")
    for one, other in combinations(texts, 2):
        assert not texts[one] & texts[other], f"{one} and {other} share texts"
