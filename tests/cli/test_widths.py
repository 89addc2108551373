"""Every table of the command line at 60, 80 and 120 columns and in a pipe: no name and no digit is lost."""

import os
import re
import subprocess
import sys

import pytest

from openflan.tasks.registry import load_catalog

CATALOG = load_catalog()
NAMES = set(CATALOG)


def printed(*arguments, columns=None):
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment |= {} if columns is None else {"COLUMNS": str(columns)}
    command = [sys.executable, "-m", "openflan", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.mark.parametrize("columns", [60, 80, 120, None])
def test_tasks_shows_every_dataset(columns):
    text = printed("tasks", columns=columns)
    lines = text.splitlines()
    table = lines[: next(number for number, line in enumerate(lines) if not line.strip() or "no room" in line)]
    assert {word for line in table for word in line.split()} >= NAMES
    assert columns is None or max(map(len, table)) <= columns
    assert ("no room for" in text) == (columns is not None)
    assert columns is not None or all(card.licence in text for card in CATALOG.values())


@pytest.mark.parametrize("columns", [60, 80, 120, None])
def test_mix_shows_names_rows_and_draws(columns):
    text = printed("mix", "--set", "data.tasks=[rte, opinion_abstracts_idebate]", columns=columns)
    heading = next(line for line in text.splitlines() if "dataset" in line)
    for name, rows in (("rte", 16), ("opinion_abstracts_idebate", 18)):
        line = next(line for line in text.splitlines() if name in line)
        assert re.search(rf"{name}\s+{rows}\b", line)
    assert all(word in heading for word in ("rows", "draws", "share"))
    assert columns is None or len(heading.rstrip()) <= columns


@pytest.mark.parametrize("columns", [60, 80, 120, None])
def test_doctor_shows_states_and_counts(columns):
    text = printed("doctor", "rte", "opinion_abstracts_idebate", columns=columns)
    for name, rows in (("rte", 16), ("opinion_abstracts_idebate", 18)):
        assert re.search(rf"{name} +there +{rows} ", text)
