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
from openflan.data.prepared import PreparedRows, PreparedStream, difference, prepare, prepare_part, reuse
from openflan.data.prompt import Prompt
from openflan.data.shards import SHARD
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


CHILD = """
import sys, time
sys.path[:0] = [{here!r}, {support!r}]
from test_prepared import *
from made_mixture import MadeMixture
class Slow(MadeMixture):
    def write(self, draws, encoder=None):
        time.sleep(0.01)
        return super().write(draws)
rows = stream()
rows.mixture = Slow(made, "letters")
prepare(rows, 10_000, Path({folder!r}), workers={workers}, on_progress=lambda done: print(done.shards, flush=True))
"""


def preparing(folder, workers):
    """A process that prepares, when it has made three shards."""
    here, support = str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")
    code = CHILD.format(here=here, support=support, folder=str(folder), workers=workers)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.strip() == "3":
            break
    return process


def children_of(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_a_killed_preparation_which_can_be_restarted_at_once(tmp_path, how):
    process = preparing(tmp_path, 2)
    workers = children_of(process.pid)
    assert len(workers) == 2
    process.send_signal(how)
    process.wait()
    assert prepare(stream(), 150, tmp_path, workers=2).rows >= 150
    until = time.monotonic() + 20
    while any(_runs(pid) for pid in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(_runs(pid) for pid in workers)
    assert not list(tmp_path.glob(".shard*"))
    assert_same_steps(stream(), PreparedStream(stream(), tmp_path))


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_two_preparations_of_one_folder_are_refused(tmp_path):
    process = preparing(tmp_path, 1)
    try:
        with pytest.raises(OpenflanError, match=rf"process {process.pid} .*openflan prepare"):
            prepare(stream(), 1, tmp_path, workers=1)
    finally:
        process.kill()
        process.wait()


def test_a_killed_preparation_goes_on(tmp_path):
    process = preparing(tmp_path, 1)
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
    assert left == [".lock", "manifest.json", "shard-00000000", "shard-00000001"]


def damages(folder):
    """Every file of a prepared folder, flipped in one place or cut short, as `(path, harm)`."""

    def flip(path):
        content = bytearray(path.read_bytes())
        content[len(content) * 2 // 3] ^= 1
        path.write_bytes(content)

    def cut(path):
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    for path in sorted(path for path in folder.rglob("*.*") if path.is_file()):
        if path.suffix:
            yield from ((path, harm) for harm in (flip, cut, Path.unlink))


def test_damaged_rows_are_named_never_used_and_made_anew(tmp_path):
    prepare(stream(), 1, tmp_path, workers=1)
    encoder = stream().encoder
    for path, harm in list(damages(tmp_path)):
        whole, said = path.read_bytes(), []
        harm(path)
        with pytest.raises(OpenflanError, match=f"{path.name}|nothing has been prepared"):
            next(PreparedRows(tmp_path, encoder).steps(3))
        if path.parent != tmp_path:
            assert_same_steps(stream(), PreparedStream(stream(), tmp_path, said.append), 5)
            assert len(said) == 1
            assert path.name in said.pop()
            prepare(stream(), 1, tmp_path, workers=1, say=said.append)
            assert path.name in said.pop()
        path.write_bytes(whole)
        assert_same_steps(stream(), PreparedRows(tmp_path, encoder), 5)


def test_a_shard_that_is_whole_is_not_made_again(tmp_path):
    first = prepare(stream(), 1, tmp_path, workers=1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("shard-*/*")}
    assert prepare(stream(), 1, tmp_path, workers=1) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("shard-*/*")} == before


@pytest.mark.parametrize("workers", [1, 2])
def test_a_preparation_that_nothing_fits_ends(tmp_path, workers):
    short = stream(row_length=1)
    with pytest.raises(OpenflanError, match=f"no example of the mixture fits .* \\({SHARD} windows\\)"):
        prepare(short, 100, tmp_path, workers=workers)


@pytest.mark.parametrize("parts", [1, 3])
def test_parts_come_to_the_whole(tmp_path, parts):
    for part in reversed(range(parts)):
        prepare_part(stream(), 100, tmp_path / "parts", part, parts)
    before = {path.name for path in (tmp_path / "parts").glob("shard-*")}
    made_at = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("shard-*/*")}
    split, whole = (prepare(stream(), 100, tmp_path / name, workers=1) for name in ("parts", "whole"))
    assert split == whole
    assert {path: path.stat().st_mtime_ns for path in made_at} == made_at
    assert before >= {path.name for path in (tmp_path / "whole").glob("shard-*")}
    assert_same_steps(PreparedStream(stream(), tmp_path / "parts"), PreparedStream(stream(), tmp_path / "whole"))


def test_a_part_of_something_else_is_refused(tmp_path):
    prepare_part(stream(), 10, tmp_path, 0, 2)
    with pytest.raises(OpenflanError, match="cannot be added to"):
        prepare_part(stream(row_length=2 * ROW), 10, tmp_path, 1, 2)
