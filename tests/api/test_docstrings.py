"""Every public function has an example in its docstring, and all examples give what they say they give."""

from __future__ import annotations

import doctest
import inspect
import json

import pytest
from tiny_folder import save_tiny_model

import openflan as of

FINDER = doctest.DocTestFinder()


def examples(name: str) -> list[doctest.DocTest]:
    return [found for found in FINDER.find(getattr(of, name), name, globs={"of": of}) if found.examples]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a tiny model and a task of Natural Instructions in it, which the examples run in."""
    folder = tmp_path_factory.mktemp("examples")
    config = save_tiny_model(folder / "tiny") / "config.json"
    values = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**values, "max_position_embeddings": 2048}), encoding="utf-8")
    task = {"Categories": ["Translation"], "Definition": ["Translate."], "Instances": []}
    (folder / "instructions").mkdir()
    (folder / "instructions" / "task1_toy.json").write_text(json.dumps(task), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", of.__all__)
def test_examples_give_what_they_say(name, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setenv("OPENFLAN_CACHE", str(place / "cache"))
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for example in examples(name):
        runner.run(example)
    assert runner.failures == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in of.__all__ if inspect.isfunction(getattr(of, name))])
def test_every_function_has_an_example(name):
    assert examples(name)
