import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from made_mixture import MadeMixture

from openflan.data.encode import Encoder, Format
from openflan.data.prepared import SHARD, PreparedStream, difference, prepare, reuse
from openflan.data.prompt import Prompt
from openflan.data.stream import Position, Stream
from openflan.errors import OpenflanError

ROW = 32


class Letters:
    """A tokenizer with one token per character."""

    def encode_batch_fast(self, texts, *, add_special_tokens):
        return [Letters.Encoding([ord(letter) for letter in text]) for text in texts]

    class Encoding:
        def __init__(self, ids):
            self.ids = ids


def made(i, attempt=0):
    return Prompt("made-up", "0", i, "x" * (1 + i % 20), "y" * (1 + i % 9))


def Mixture():
    return MadeMixture(made, "letters")


def stream(**changes):
    return Stream(
        Mixture(), Encoder(Letters(), Format(target_length=8), eos=1), **{"row_length": ROW, "window": 30, **changes}
    )


def assert_same_steps(one, other, count=60, start=Position()):  # noqa: B008
    for first, second in itertools.islice(zip(one.steps(3, start), other.steps(3, start), strict=False), count):
        assert first.after == second.after
        for name in ("tokens", "segments", "labelled"):
            assert np.array_equal(getattr(first.rows, name), getattr(second.rows, name))
            assert getattr(first.rows, name).dtype == getattr(second.rows, name).dtype


@pytest.mark.parametrize("workers", [1, 2])
def test_prepared_batches_are_those_made_on_the_fly_and_go_on_beyond(tmp_path, workers):
    done = prepare(stream(), 100, tmp_path, workers=workers)
    assert done.rows >= 100
    assert_same_steps(stream(), PreparedStream(stream(), tmp_path))
    assert_same_steps(stream(), PreparedStream(stream(), tmp_path), 5, Position(2, 3))


def test_the_counts_are_of_what_is_there(tmp_path):
    done = prepare(stream(), 1, tmp_path, workers=1)
    made = stream()
    rows = [made.rows(window) for window in range(SHARD)]
    assert done.shards == 1
    assert done.filled == sum(row.filled for row in rows)
    assert done.labelled == sum(row.targets for row in rows)
    assert done.fill == done.filled / (done.rows * ROW)
    assert done.dropped == made.dropped
    assert done.dropped["made-up"] > 0


CHILD = """
import sys, time
sys.path.insert(0, {here!r})
from test_prepared import *
class Slow(Mixture):
    def prompts(self, start, stop):
        time.sleep(0.01)
        return super().prompts(start, stop)
made = stream()
made.mixture = Slow()
prepare(made, 10_000, Path({folder!r}), workers=1, on_progress=lambda done: print(done.shards, flush=True))
"""


def test_a_killed_preparation_goes_on(tmp_path):
    code = CHILD.format(here=str(Path(__file__).parent), folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.strip() == "3":
            break
    time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("shard-*")}
    assert len(kept) >= 3
    done = prepare(stream(), 150, tmp_path, workers=1)
    assert done.rows >= 150
    assert all((tmp_path / name).stat().st_mtime_ns == when for name, when in kept.items())
    assert_same_steps(stream(), PreparedStream(stream(), tmp_path))


def test_what_was_prepared_is_reused_or_the_reason_why_not_is_said(tmp_path):
    said = []
    assert isinstance(reuse(stream(), tmp_path, said.append), Stream)
    assert "nothing has been prepared there" in said.pop()
    prepare(stream(), 1, tmp_path, workers=1)
    assert isinstance(reuse(stream(), tmp_path, said.append), PreparedStream)
    assert said == []
    assert isinstance(reuse(stream(seed=1, window=31), tmp_path, said.append), Stream)
    assert "another seed, another examples in a window" in said.pop()


def test_another_mixture_is_not_added_to_a_folder(tmp_path):
    prepare(stream(), 1, tmp_path, workers=1)
    with pytest.raises(OpenflanError, match="prepared with another row length"):
        prepare(stream(row_length=64), 1, tmp_path, workers=1)


def test_a_manifest_of_anything_else_is_no_match(tmp_path):
    for content in ("{", "[]", '{"version": 0}'):
        (tmp_path / "manifest.json").write_text(content)
        assert difference(stream(), tmp_path) is not None


def test_a_full_disk_leaves_the_shards_before_it(tmp_path, monkeypatch):
    calls = []

    def fsync(_):
        calls.append(1)
        if len(calls) > 12:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OpenflanError, match=r"No space left on device.*prepare again"):
        prepare(stream(), 1000, tmp_path, workers=1)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["manifest.json", "shard-00000000", "shard-00000001"]
