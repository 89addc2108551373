"""The Slurm script: a preempted run saves a checkpoint, is put back into the queue, and goes on to the same losses.

`srun` and `scontrol` are played by small scripts: two tasks with the variables that Slurm gives them, and signals
handed on to both.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from page_blocks import CHECKOUT
from tiny_folder import save_tiny_model

from openflan.cli import main

SCRIPT = CHECKOUT / "docs/how-to/openflan.sbatch"
STEPS = 12
WAIT = 1200
"""Seconds after which something must be wrong, however busy the machine."""
SRUN = f"""#!{sys.executable}
import os, signal, subprocess, sys
words = [word for word in sys.argv[1:] if not word.startswith("--kill-on-bad-exit")]
tasks = [subprocess.Popen(words, env={{**os.environ, "SLURM_PROCID": str(n), "SLURM_LOCALID": str(n)}}) for n in (0, 1)]
signal.signal(signal.SIGTERM, lambda *_: [task.send_signal(signal.SIGTERM) for task in tasks])
sys.exit(max(task.wait() for task in tasks))
"""
SCONTROL = """#!/usr/bin/env bash
if [ "$1" = show ]; then echo 127.0.0.1; else echo "$@" >>"$QUEUE"; fi
"""
PYTHON = f"""#!/usr/bin/env bash
exec {sys.executable} "$@"
"""
RECIPE = f"""
data: {{tasks: [commonsense]}}
format: {{join: eos, input_length: 240, target_length: 16}}
train: {{steps: {STEPS}, tokens_per_step: 1024, row_length: 256, lr: 1.0e-3}}
"""


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    """The environment of a batch job."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in {"srun": SRUN, "scontrol": SCONTROL, "python": PYTHON}.items():
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(0o755)
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    save_tiny_model(tmp_path / "tiny")
    slurm = {"SLURM_JOB_NAME": "openflan", "SLURM_JOB_NODELIST": "here", "SLURM_NTASKS": "2"}
    paths = {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(CHECKOUT / "src")}
    return {**os.environ, **slurm, **paths, "QUEUE": str(tmp_path / "queue"), "OMP_NUM_THREADS": "1"}


def test_a_preempted_job_goes_on_to_the_same_losses(
    cluster: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = _submit(cluster, tmp_path, job=5)
    _wait_for_steps(tmp_path / "runs/openflan-5", 3)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(timeout=WAIT) == 0
    assert (tmp_path / "queue").read_text() == "requeue 5\n"
    assert not (tmp_path / "runs/openflan-5/model").exists()

    assert _submit(cluster, tmp_path, job=5).wait(timeout=WAIT) == 0
    assert (tmp_path / "queue").read_text() == "requeue 5\n"  # not once more
    assert (tmp_path / "runs/openflan-5/model/config.json").is_file()

    monkeypatch.chdir(tmp_path)
    assert main(["train", "r.yaml", "--set", "model.path=tiny", "--out", "whole"]) == 0
    whole = _losses(tmp_path / "whole")
    assert len(whole) == STEPS
    assert _losses(tmp_path / "runs/openflan-5") == pytest.approx(whole, rel=1e-3)


def test_a_run_that_fails_is_not_put_back(cluster: dict[str, str], tmp_path: Path) -> None:
    assert _submit(cluster, tmp_path, "--set", "train.lr=-1", job=6).wait(timeout=WAIT) == 1
    assert not (tmp_path / "queue").exists()


def _submit(cluster: dict[str, str], folder: Path, *more: str, job: int) -> subprocess.Popen[bytes]:
    command = ["bash", str(SCRIPT), "r.yaml", "--set", "model.path=tiny", *more]
    return subprocess.Popen(command, cwd=folder, env={**cluster, "SLURM_JOB_ID": str(job)})


def _losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def _wait_for_steps(run: Path, steps: int) -> None:
    deadline = time.monotonic() + WAIT
    log = run / "metrics.jsonl"
    while not log.is_file() or log.read_text().count("\n") < steps:
        assert time.monotonic() < deadline, "no step was taken"
        time.sleep(0.02)
