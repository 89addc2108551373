"""Whatever a corpus is kept in, and wherever it is cut, what stands in it is found."""

import gzip
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openflan.contamination import corpus
from openflan.contamination.corpus import CorpusError, Unread, blocks, units_of
from openflan.contamination.index import Index

ANYWHERE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
SPACES = [" ", "\n", "  ", "\t", "\r\n", " — ", ", ", "\u00a0"]


@pytest.fixture
def small_cuts(monkeypatch):
    monkeypatch.setattr(corpus, "BLOCK", 64)
    monkeypatch.setattr(corpus, "RANGE", 300)


def hits_in(path, texts, size=8, fields=()):
    index = Index.of([text.encode() for text in texts], [size] * len(texts))
    state = index.nothing_found()
    found = set()
    for unit in units_of([path]):
        for block in blocks(unit, fields):
            if not isinstance(block, Unread):
                found |= {int(index.owners[member]) for member, _ in index.find(block.words, state)}
    return found


def filler(chance, words):
    return [f"{chance.choice('abcdefgh')}{chance.randrange(999)}" for _ in range(words)]


@ANYWHERE
@given(st.integers(0, 2**32), st.integers(0, 400), st.sampled_from([8, 13]), st.sampled_from(["txt", "gz", "zst"]))
def test_a_planted_text_is_found_across_every_cut(tmp_path, small_cuts, seed, before, size, kind):
    chance = random.Random(seed)
    planted = [f"Word{number}" for number in range(size)]
    words = [*filler(chance, before), *planted, *filler(chance, chance.randrange(400))]
    text = "".join(word + chance.choice(SPACES) for word in words)
    path = written(tmp_path / "corpus", text, kind)
    almost = [*planted[:-1], "else"]
    assert hits_in(path, [" ".join(planted), " ".join(almost)], size) == {0}


def written(stem, text, kind):
    if kind == "txt":
        path = stem.with_suffix(".txt")
        path.write_bytes(text.encode())
    elif kind == "gz":
        path = stem.with_suffix(".txt.gz")
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path = stem.with_suffix(".txt.zst")
        with pa.output_stream(str(path), compression="zstd") as stream:
            stream.write(text.encode())
    return path


@pytest.fixture
def rows():
    chance = random.Random(1)
    return [
        {"text": " ".join(filler(chance, chance.randrange(60))), "meta": {"title": f"t{n}", "tags": [f"tag {n}"]}}
        for n in range(40)
    ]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "jsonl.gz"])
def test_every_row_is_looked_into_and_nothing_runs_from_one_into_the_next(tmp_path, small_cuts, rows, kind):
    planted = [" ".join(f"p{n}x{k}" for k in range(9)) for n in range(len(rows))]
    for row, text in zip(rows, planted, strict=True):
        row["meta"]["tags"].append(text)
    rows[3]["text"], rows[4]["text"] = "it ends in one two three four", "five six seven eight and goes on"
    path = tmp_path / f"corpus.{kind}"
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7)
    else:
        path.write_bytes(gzip.compress(lines) if kind.endswith("gz") else lines)
    assert hits_in(path, [*planted, "one two three four five six seven eight"]) == set(range(len(rows)))
    assert hits_in(path, planted, fields=["text"]) == set()
    assert hits_in(path, planted, fields=["meta"]) == set(range(len(rows)))


def test_a_place_is_the_row_or_about_the_byte(tmp_path, rows):
    rows[17]["text"] = "one two three four five six seven eight"
    index = Index.of([b"one two three four five six seven eight"], [8])

    def place(path):
        (unit,) = units_of([path])
        state = index.nothing_found()
        return [b.where(at) for b in blocks(unit) for _, at in index.find(b.words, state)]

    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert place(tmp_path / "rows.parquet") == [17]
    lines = [json.dumps(row) + "\n" for row in rows]
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    assert place(tmp_path / "rows.jsonl") == [sum(map(len, lines[:17]))]


def test_a_row_that_is_no_json_is_told_and_the_others_are_read(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "fine"}\n{"text": \n\n{"text": "one two three four five six seven eight"}\n')
    (unit,) = units_of([path])
    bad = [one for one in blocks(unit) if isinstance(one, Unread)]
    assert [one.byte for one in bad] == [17]
    assert hits_in(path, ["one two three four five six seven eight"]) == {0}


def test_text_without_white_space_ends(tmp_path, small_cuts, monkeypatch):
    monkeypatch.setattr(corpus, "_LONGEST_WORD", 4)
    path = tmp_path / "one.txt"
    path.write_text("x" * 5000 + " one two three four five six seven eight " + "y" * 5000)
    assert hits_in(path, ["one two three four five six seven eight"]) == {0}


def test_folders_are_read_and_what_is_wrong_is_named(tmp_path):
    with pytest.raises(CorpusError, match="no corpus at"):
        units_of([tmp_path / "nowhere"])
    (tmp_path / "deep" / "er").mkdir(parents=True)
    with pytest.raises(CorpusError, match=r"holds no \.txt"):
        units_of([tmp_path / "deep"])
    (tmp_path / "deep" / "er" / "a.txt").write_text("a")
    (tmp_path / "deep" / "b.jsonl.gz").write_bytes(b"not gzip")
    (tmp_path / "deep" / "image.png").write_bytes(b"")
    units = units_of([tmp_path / "deep"])
    assert [unit.path.rpartition("/")[2] for unit in units] == ["b.jsonl.gz", "a.txt"]
    with pytest.raises(CorpusError, match=r"b\.jsonl\.gz cannot be read"):
        list(blocks(units[0]))
    with pytest.raises(CorpusError, match="what kind of file"):
        units_of([tmp_path / "deep" / "image.png"])
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(CorpusError, match=r"bad\.parquet cannot be read"):
        units_of([tmp_path / "bad.parquet"])
