"""Rows that are prepared in parts, each by a command of its own, come to those that are prepared at once."""

import os
import sys

import numpy as np
import pytest
from tiny_folder import save_tiny_model

from openflan.cli import main
from openflan.cli.prepare import a_part


def test_parts_by_an_executor_come_to_the_whole(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    save_tiny_model(tmp_path / "tiny")
    recipe = ["quickstart", "--set", "model.path=tiny", "--set", "data.tasks=[copa]", "--set", "format.join=eos"]
    assert main(["prepare", *recipe, "--rows", "4", "--workers", "1", "--out", "whole"]) == 0
    whole = capsys.readouterr().out
    assert main(["prepare", *recipe, "--rows", "4", "--workers", "1", "--parts", "2", "--out", "split"]) == 0
    assert capsys.readouterr().out.replace("split", "whole") == whole
    for name in ("tokens", "segments", "labelled"):
        one, other = (np.load(next((tmp_path / place).glob(f"shard-*0/{name}.npy"))) for place in ("whole", "split"))
        assert np.array_equal(one, other)
    assert len(list((tmp_path / "split").glob("shard-*"))) == 2  # one by each part


def test_settings_are_for_executors(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["prepare", "quickstart", "--parts", "2", "--with", "num_cpus=2", "--out", "split"]) == 1
    assert "has no settings, such as num_cpus" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b"])
def test_parts_that_cannot_be(text):
    with pytest.raises(Exception, match="is no part"):
        a_part(text)
    assert a_part("2/2") == (2, 2)
