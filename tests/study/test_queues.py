"""Slurm through submitit, and Ray, each on this machine: statuses come back, and a killed worker's cell goes on."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from executor_waits import ended

from openflan.errors import OpenflanError, RecipeError
from openflan.study.executors import KILLED, Resources, jobs
from openflan.study.executors.choose import choose, read_settings
from openflan.study.executors.jobs import Job, run_jobs
from openflan.study.executors.ray import RayTasks
from openflan.study.executors.slurm import SlurmQueue

SAY = "import os; print('hello', os.getppid(), flush=True)"
WAIT = f"{SAY}; import time; time.sleep(120)"


@pytest.fixture(scope="module")
def ray_tasks():
    pytest.importorskip("ray")
    try:
        tasks = RayTasks({"num_cpus": 2})
    except OpenflanError as error:  # Ray gives its own processes 30 seconds, too few on a machine that is very busy
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    with tasks:
        yield tasks


@pytest.fixture(params=["submitit", "ray"])
def executor(request, tmp_path):
    if request.param == "ray":
        return request.getfixturevalue("ray_tasks")
    pytest.importorskip("submitit")
    return SlurmQueue(tmp_path / "study", 5, {"cluster": "local"})


def said(folder, seconds=60.0):
    """The process that started the command in a folder, as soon as it has said which."""
    until = time.monotonic() + seconds
    while not (folder / "log.txt").is_file() or not (words := (folder / "log.txt").read_text().split()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return int(words[1])


def test_statuses_and_output_come_back(executor, tmp_path):
    handles = [
        executor.submit(
            [sys.executable, "-c", f"{SAY}; raise SystemExit({status})"], tmp_path / str(status), Resources()
        )
        for status in (0, 3)
    ]
    assert [ended(executor, handle, 60) for handle in handles] == [0, 3]
    assert (tmp_path / "3" / "log.txt").read_text(encoding="utf-8").startswith("hello")


def test_a_killed_worker_is_told_from_one_that_ended(executor, tmp_path):
    handle = executor.submit([sys.executable, "-c", WAIT], tmp_path / "cell", Resources())
    os.kill(said(tmp_path / "cell"), signal.SIGKILL)
    assert ended(executor, handle, 60) == KILLED


def test_a_killed_workers_cell_goes_on(executor, tmp_path, monkeypatch):
    count = (
        "import pathlib, sys, os, time; place = pathlib.Path(sys.argv[1]); place.mkdir(exist_ok=True); "
        "before = len(list(place.iterdir())); (place / str(before)).write_text(str(os.getppid())); "
        "before or time.sleep(120)"
    )
    tries = tmp_path / "tries"
    monkeypatch.setattr(jobs, "_PAUSE", 0.05)

    def kill_the_first():
        first = tries / "0"
        if first.is_file() and (worker := first.read_text()) and not (tries / "killed").exists():
            (tries / "killed").touch()
            os.kill(int(worker), signal.SIGKILL)

    job = Job([sys.executable, "-c", count, str(tries)], tmp_path / "cell")
    assert run_jobs(executor, {"cell": job}, Resources(), kill_the_first) == {"cell": 0}
    assert {path.name for path in tries.iterdir()} == {"0", "killed", "2"}


def test_a_cell_that_is_killed_every_time_is_given_up(tmp_path, monkeypatch):
    class Deadly:
        submitted = 0

        def submit(self, argv, folder, resources):
            self.submitted += 1

        def poll(self, handle):
            return KILLED

    monkeypatch.setattr(jobs, "_PAUSE", 0.0)
    deadly = Deadly()
    assert run_jobs(deadly, {"cell": Job(["x"], tmp_path)}, Resources(), lambda: None) == {"cell": KILLED}
    assert deadly.submitted == 3


def test_a_job_that_is_to_make_room_saves_and_goes_on(tmp_path):
    pytest.importorskip("submitit")
    save = (
        "import os, pathlib, signal, sys, time; place = pathlib.Path(sys.argv[1]); place.exists() and sys.exit(0); "
        "signal.signal(signal.SIGTERM, lambda *_: (place.write_text('saved'), sys.exit(143))); "
        "print('up', os.getppid(), flush=True); time.sleep(120)"
    )
    queue = SlurmQueue(tmp_path / "study", 5, {"cluster": "local"})
    handle = queue.submit([sys.executable, "-c", save, str(tmp_path / "saved")], tmp_path / "cell", Resources())
    os.kill(said(tmp_path / "cell"), signal.SIGUSR2)  # what Slurm sends, and `submitit` takes for preemption
    assert ended(queue, handle, 60) == 0
    assert (tmp_path / "saved").read_text() == "saved"


def test_the_debug_cluster_runs_in_this_process(tmp_path):
    pytest.importorskip("submitit")
    queue = SlurmQueue(tmp_path / "study", 5, {"cluster": "debug"})
    handle = queue.submit([sys.executable, "-c", SAY], tmp_path / "cell", Resources())
    assert ended(queue, handle, 60) == 0
    assert said(tmp_path / "cell") == os.getpid()


@pytest.mark.parametrize(
    ("kind", "settings", "error", "words"),
    [
        ("local", {"partition": "gpu"}, RecipeError, "has no settings, such as partition"),
        ("slurm", {"cluster": "local", "partitoin": "gpu"}, RecipeError, "partitoin"),
        ("slurm", {}, OpenflanError, "no job can be submitted from here"),
    ],
)
def test_what_an_executor_does_not_take_is_said(kind, settings, error, words, tmp_path):
    with pytest.raises(error, match=words):
        choose(kind, tmp_path / "s", slots=None, gpus=0, longest=60.0, settings=settings)


def test_settings_are_values():
    assert read_settings(["timeout_min=90", "slurm_partition=gpu"]) == {"timeout_min": 90, "slurm_partition": "gpu"}
    with pytest.raises(RecipeError, match="write KEY=VALUE"):
        read_settings(["partition"])


def test_jobs_ask_for_what_a_cell_needs(tmp_path):
    pytest.importorskip("submitit")
    queue, needed = choose(
        "slurm",
        tmp_path / "s",
        slots=None,
        gpus=2,
        longest=5000.0,
        settings={"cluster": "local", "slurm_partition": "a"},
    )
    assert needed == Resources(gpus=2)
    assert queue._jobs.parameters["timeout_min"] == 5 * 60
    assert json.dumps(Path(queue._jobs.folder).parts[-3:]) == json.dumps(["s", "submitit", "%j"])
