import json
import random

import pytest

from openflan.contamination import corpus
from openflan.contamination.corpus import units_of
from openflan.contamination.index import Index
from openflan.contamination.scan import LOG, scan
from openflan.errors import OpenflanError

TEXTS = [" ".join(f"t{n}x{k}" for k in range(10)) for n in range(12)]


@pytest.fixture
def index():
    return Index.of([text.encode() for text in TEXTS], [8] * len(TEXTS))


@pytest.fixture
def units(tmp_path, monkeypatch):
    """A corpus in three files and some twenty units that holds all texts but the last."""
    monkeypatch.setattr(corpus, "RANGE", 400)
    chance = random.Random(0)
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(3):
        parts = [
            " ".join(f"f{chance.randrange(999)}" for _ in range(chance.randrange(90))) + " " + text
            for text in TEXTS[number:-1:3]
        ]
        (folder / f"{number}.txt").write_text("\n".join(parts))
    return units_of([folder])


def owners(index, result):
    return {int(index.owners[member]) for member in result.hits}


@pytest.mark.parametrize("workers", [1, 2])
def test_all_is_found_by_any_number_of_workers(index, units, tmp_path, workers):
    done = []
    result = scan(index, units, tmp_path / "out", workers=workers, on_unit=lambda *now: done.append(now))
    assert owners(index, result) == set(range(len(TEXTS) - 1))
    assert len(result.hits) == 3 * (len(TEXTS) - 1)
    assert done[-1][0] == done[-1][1] == sum(unit.size for unit in units)


def test_a_scan_that_was_stopped_goes_on(index, units, tmp_path):
    def stop(done, total):
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(index, units, tmp_path / "out", workers=1, on_unit=stop)
    log = tmp_path / "out" / LOG
    before = len(log.read_text().splitlines())
    log.write_text(log.read_text() + '{"unit": "cut sh')
    looked = []
    again = scan(index, units, tmp_path / "out", workers=1, on_unit=lambda *now: looked.append(now))
    assert before > 1
    assert len(looked) == len(units) - (before - 1)
    whole = scan(index, units, tmp_path / "other", workers=1)
    assert again == whole
    assert scan(index, units, tmp_path / "out", workers=1, on_unit=pytest.fail) == whole


def test_a_file_that_has_changed_is_looked_through_again(index, units, tmp_path):
    scan(index, units, tmp_path / "out", workers=1)
    path = tmp_path / "corpus" / "0.txt"
    path.write_text(path.read_text() + "\n" + TEXTS[-1])
    again = scan(index, units_of([tmp_path / "corpus"]), tmp_path / "out", workers=1)
    assert owners(index, again) == set(range(len(TEXTS)))


def test_the_log_of_another_scan_is_refused(index, units, tmp_path):
    scan(index, units, tmp_path / "out", workers=1)
    with pytest.raises(OpenflanError, match="is of a scan for other n-grams"):
        scan(Index.of([b"a b c d e f g h"], [8]), units, tmp_path / "out", workers=1)
    with pytest.raises(OpenflanError, match="in other fields"):
        scan(index, units, tmp_path / "out", fields=["text"], workers=1)


def test_rows_that_cannot_be_read_are_counted(index, tmp_path):
    (tmp_path / "rows.jsonl").write_text("{\n" + json.dumps({"text": TEXTS[0]}) + "\n")
    result = scan(index, units_of([tmp_path / "rows.jsonl"]), tmp_path / "out", workers=1)
    assert owners(index, result) == {0}
    assert len(result.unread) == 1
    assert "rows.jsonl, byte 0: no JSON" in result.unread[0]
