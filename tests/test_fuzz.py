"""The fuzz campaign over everything that is read (benchmarks/fuzz_campaign.py): nothing ends but well.

Its share of the processor is about a minute and a half; OPENFLAN_FUZZ_INPUTS makes it shorter or longer.
"""

import os
import random

from benchmarks.fuzz_campaign import BAD, Tally, campaign, every_target
from benchmarks.fuzz_inputs import damaged

INPUTS = int(os.environ.get("OPENFLAN_FUZZ_INPUTS") or 20_000)


def test_whatever_is_read_is_taken_or_refused_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENFLAN_CACHE", str(tmp_path / "cache"))
    tallies = campaign(INPUTS, 0, tmp_path / "fuzz", every_target())
    assert {name: tally.wrong for name, tally in tallies.items() if tally.wrong} == {}
    assert sum(tally.ends.total() for tally in tallies.values()) >= 0.99 * INPUTS
    deaf = {name for name, tally in tallies.items() if not tally.ends["sentence"]}
    assert deaf <= {"reports of run folders", "command lines"}  # which name what is wrong, and go on or end themselves


def test_an_input_follows_from_its_seed_and_number():
    content = b'{"a": [1, 2], "b": "text"}'
    made = [[damaged(random.Random(number), content, "json") for number in range(50)] for _ in range(2)]
    assert made[0] == made[1]
    assert len(set(made[0])) > 25


def test_a_bad_end_is_kept_with_its_first_input():
    tally = Tally()
    for number, end in enumerate(("sentence", *BAD)):
        tally.add(number, end, "at x.py:1")
    assert tally.wrong == {f"{end}: at x.py:1": [number] for number, end in enumerate(BAD, 1)}
