"""The page on reliability, and the kill campaign on its smallest scale."""

import pytest

from benchmarks import kill_campaign
from benchmarks.reliability import PAGE, renewed


def test_both_tables_of_the_page_can_be_renewed():
    page = PAGE.read_text(encoding="utf-8")
    for name in ("fuzz", "kills"):
        assert "| new |" in renewed(page, name, "| new |")
        assert renewed(renewed(page, name, "one"), name, "two") == renewed(page, name, "two")


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="no marks of fuzz"):
        renewed("nothing", "fuzz", "table")


def test_a_table_has_a_line_for_each_verb():
    tally = kill_campaign.Tally({"SIGKILL": 3, "SIGTERM": 1}, runs=2, seconds=1.25, wrong=["run-000: lost"])
    assert kill_campaign.table({"run": tally}).splitlines()[-1] == "| `run` | 3 | 1 | 2 | 1 | 1.2 s |"
