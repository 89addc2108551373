import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys

import pytest

from openflan.files import LockedError, WriteError, locked, replacing, write_json

HOLD = """
import os, sys, time
from pathlib import Path
from openflan.files import locked
with locked(Path(sys.argv[1]), "openflan train"):
    if len(sys.argv) > 2 and os.fork() == 0:
        time.sleep(60)
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


def holder(folder, *more):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *more], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert int(process.stdout.readline()) == process.pid
    return process


def test_a_folder_has_one_writer_and_the_other_is_told_which(tmp_path):
    process = holder(tmp_path)
    try:
        told = rf"written to by process {process.pid} on \S+ \(openflan train, since \d{{4}}-.*wait for it or stop it"
        with pytest.raises(LockedError, match=told), locked(tmp_path, "a test"):
            pass
    finally:
        process.kill()
        process.wait()
    with locked(tmp_path, "a test"):
        assert json.loads((tmp_path / ".lock").read_text())["what"] == "a test"
    assert (tmp_path / ".lock").read_text() == ""


def test_a_child_that_outlives_a_killed_holder_does_not_keep_its_lock(tmp_path):
    process = holder(tmp_path, "fork")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with locked(tmp_path, "a test"):
        pass
    os.killpg(process.pid, signal.SIGKILL)


def test_the_holder_may_lock_again_and_a_forked_child_may_not(tmp_path):
    def child(answers):
        try:
            with locked(tmp_path, "a child"):
                answers.put("locked")
        except LockedError as error:
            answers.put(str(error))

    answers = multiprocessing.get_context("fork").Queue()
    with locked(tmp_path, "outer"):
        with locked(tmp_path, "inner"):
            pass
        process = multiprocessing.get_context("fork").Process(target=child, args=(answers,))
        process.start()
        assert re.search(f"process {os.getpid()} on .*outer", answers.get(timeout=30))
        process.join()


def test_a_full_disk_is_a_sentence_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json(path, 1)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=r"a\.json could not be written: No space left on device; make room"):
        write_json(path, 2)
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    assert path.read_text() == "1\n"


def test_what_is_not_the_disks_fault_stays_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a"):
        (tmp_path / "missing").read_text()


def test_what_a_killed_writer_left_is_cleared_and_a_living_ones_is_not(tmp_path):
    process = subprocess.Popen(["sleep", "60"])
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = [tmp_path / "model" / f".a.json.{number}.part" for number in (dead.pid, process.pid, 10**30)]
    (tmp_path / "model").mkdir()
    for path in left:
        path.write_text("half")
    try:
        with locked(tmp_path, "a test"):
            assert [path.exists() for path in left] == [False, True, True]
    finally:
        process.kill()
        process.wait()
