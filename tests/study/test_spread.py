"""A cell on several GPUs: its units start under torchrun, and a stop reaches their processes and waits for them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from openflan.errors import Stopped
from openflan.study import work
from openflan.study.executors.script import cell_command

UNIT = SimpleNamespace(place="trainings/abc", kind="training")


class Group:
    """A group of processes: ends with a status after some looks at it, or when it is told to."""

    commands: list[list[str]] = []  # noqa: RUF012
    told: list[str] = []  # noqa: RUF012

    def __init__(self, command, looks=1, status=0, on_look=lambda: None):
        Group.commands.append(command)
        self.looks, self.status, self.on_look = looks, status, on_look

    def poll(self):
        self.on_look()
        self.looks -= 1
        return None if self.looks >= 0 else self.status

    def terminate(self):
        Group.told.append("terminate")

    def wait(self):
        Group.told.append("wait")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def group(monkeypatch):
    """Makes torchrun be a group that behaves as is said."""
    Group.commands, Group.told = [], []
    monkeypatch.setattr(work, "_PAUSE", 0.01)

    def behave(**how):
        monkeypatch.setattr(work, "subprocess", SimpleNamespace(Popen=lambda command: Group(command, **how)))

    return behave


def test_units_start_under_torchrun(group):
    group()
    work._spread(UNIT, Path("cells/one"), 4)
    [command] = Group.commands
    assert command[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert command[command.index("--nproc-per-node") + 1] == "4"
    assert command[-3:] == ["unit", "cells/one", "trainings/abc"]
    assert cell_command(Path("cells/one"), 4)[-2:] == ["--gpus", "4"]


def test_a_stop_is_handed_on_and_waited_for(group):
    group(looks=3, on_look=lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Stopped) as stopped:
        work._spread(UNIT, Path("cells/one"), 2)
    assert stopped.value.status == 143
    assert Group.told == ["terminate", "wait"]


@pytest.mark.parametrize(("status", "error"), [(143, Stopped), (1, work.UnfinishedError)])
def test_how_the_group_ended_is_how_the_unit_did(group, status, error):
    group(status=status)
    with pytest.raises(error):
        work._spread(UNIT, Path("cells/one"), 2)
