"""A run says what it ran on."""

import torch

from openflan.study.environment import environment


def test_commit_devices_and_the_precision_in_force_are_there(monkeypatch):
    found = environment()
    assert set(found) >= {"commit", "device", "devices", "processes", "fast dtype", "packages"}
    assert found["fast dtype"] in ("float32", "bfloat16")
    assert found["devices"] >= 1 and found["processes"] == 1
    assert found["packages"]["torch"] == torch.__version__
    assert found["commit"] is None or len(found["commit"].removesuffix("-dirty")) >= 12
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert environment()["processes"] == 8
