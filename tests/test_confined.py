"""Work in a process of its own: what it says comes back, and it ends whatever it does."""

import os
import time

import pytest

from openflan import confined as module
from openflan.confined import OutOfBounds, confined
from openflan.errors import ModelError, OpenflanError


def endless():
    while True:
        pass


def greedy():
    return len([bytearray(2**20) for _ in range(2**20)])


def silent():
    os._exit(0)


def refusing():
    raise OpenflanError("no such thing")


def test_the_value_comes_back():
    assert confined(lambda: ["a", {"b": "\ud800"}], ModelError) == ["a", {"b": "\ud800"}]


def test_a_long_value_comes_back_whole():
    assert confined(lambda: "x" * 1_000_000, ModelError) == "x" * 1_000_000


def test_a_sentence_comes_back_as_the_error_that_is_asked_for():
    with pytest.raises(ModelError, match="no such thing"):
        confined(refusing, ModelError)


@pytest.mark.parametrize("work", [endless, greedy, silent])
def test_work_without_end_or_measure_is_ended(work, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 1)
    monkeypatch.setattr(module, "MEGABYTES", 64)
    forked, fork = [], os.fork
    monkeypatch.setattr(os, "fork", lambda: forked.append(fork()) or forked[-1])
    began = time.process_time()
    with pytest.raises(OutOfBounds, match="more than 1 seconds, or more than 64 MB"):
        confined(work, ModelError)
    assert time.process_time() - began < 1
    with pytest.raises(ChildProcessError):  # nothing is left to wait for
        os.waitpid(forked[0], os.WNOHANG)


def test_what_the_work_changes_stays_with_it():
    seen = []
    confined(lambda: seen.append(1), ModelError)
    assert seen == []
