"""One process gets a folder, the others wait, and the claim of a dead one does not hold anybody up."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from openflan.errors import Stopped
from openflan.study import claims
from openflan.study.claims import BusyError, Status, claimed, read_progress, read_status, report_progress


def test_a_folder_says_what_became_of_its_work(tmp_path):
    assert read_status(tmp_path).state == "pending"
    with claimed(tmp_path):
        assert read_status(tmp_path).is_alive
    assert read_status(tmp_path).state == "done"


def test_an_error_is_written_down_and_a_stop_is_none(tmp_path):
    with pytest.raises(ValueError, match="no good"), claimed(tmp_path):
        raise ValueError("no good")
    assert read_status(tmp_path).state == "failed"
    assert read_status(tmp_path).error == "ValueError: no good"
    with pytest.raises(Stopped), claimed(tmp_path):
        raise Stopped("later", 143)
    assert read_status(tmp_path).state == "pending"


def test_of_many_that_want_a_folder_one_gets_it(tmp_path):
    got, start, end = [], threading.Barrier(8), time.monotonic() + 60

    def want():
        start.wait()
        try:
            with claimed(tmp_path):
                got.append(True)
                while len(got) < 8 and time.monotonic() < end:  # until all others have been told
                    time.sleep(0.01)
        except BusyError:
            got.append(False)

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_who_was_killed_holds_nobody_up(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from openflan.study.claims import claimed
with claimed(Path({str(tmp_path)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    assert read_status(tmp_path).state == "running"
    assert not read_status(tmp_path).is_alive
    with claimed(tmp_path) as before:
        assert before.state == "running"
    assert sorted(path.name for path in tmp_path.glob("claim-*")) == ["claim-0001.json", "claim-0002.json"]


def test_a_claim_that_has_not_said_more_yet_holds_as_long_as_its_process(tmp_path):
    mine = {"host": claims.socket.gethostname(), "pid": os.getpid(), "since": time.time()}
    (tmp_path / "claim-0001.json").write_text(json.dumps(mine), encoding="utf-8")
    with pytest.raises(BusyError), claimed(tmp_path):
        pass


def test_another_machine_is_believed_as_long_as_it_is_heard_of():
    assert Status("running", "elsewhere", 1, time.time() - 60).is_alive
    assert not Status("running", "elsewhere", 1, time.time() - claims.SILENT - 1).is_alive


def test_progress_is_a_share_and_words(tmp_path):
    assert read_progress(tmp_path) == (0.0, "")
    report_progress(tmp_path, 3, 4, "three of four")
    assert read_progress(tmp_path) == (0.75, "three of four")
