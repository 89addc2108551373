"""The wheel as people install it, in an environment of its own that has no torch: the data half works there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).parent.parent
MODEL_HALF = {"torch", "transformers", "safetensors"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(CHECKOUT))
    [built] = folder.glob("openflan-*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """An environment with the wheel in it, and links to what it needs besides the model half; no package index."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    [site] = folder.glob("lib/python*/site-packages")
    for needed in light_distributions():
        link(needed, site)
    pip("--python", str(folder / "bin" / "python"), "install", "--no-deps", "--no-index", str(wheel))
    return folder


def test_the_environment_has_no_torch(environment, tmp_path):
    done = command(environment, tmp_path, "python", "-c", "import torch")
    assert done.returncode == 1 and "No module named 'torch'" in done.stderr


@pytest.mark.parametrize(
    "words",
    ["--help", "tasks", "show copa --template 3", "mix", "lint copa", "doctor copa", "licences", "recipes flan62"],
)
def test_verbs_of_the_data_half_work(words, environment, tmp_path):
    done = command(environment, tmp_path, "openflan", *words.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_data_half_of_the_api_works(environment, tmp_path):
    code = (
        "import json, openflan as of\n"
        "mix = of.mixture('flan62', hold_out='sentiment', silent=True)\n"
        "print(json.dumps([of.__file__, len(of.catalog()), len(mix.table), mix.held_out]))\n"
    )
    done = command(environment, tmp_path, "python", "-c", code)
    assert done.returncode == 0, done.stderr
    place, cards, trained, held_out = json.loads(done.stdout)
    assert Path(place).is_relative_to(environment)
    assert cards > trained > 40
    assert held_out == ["imdb", "sentiment140", "sst2", "yelp_polarity"]


def test_a_verb_of_the_model_half_says_what_is_missing(environment, tmp_path):
    done = command(environment, tmp_path, "openflan", "train", "quickstart")
    assert done.returncode == 1
    assert "pip install" in done.stderr and "Traceback" not in done.stderr


def test_the_wheel_has_no_tests_and_all_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[1] for name in names if name.startswith("openflan/") and name.count("/") > 1}
    assert {"catalog", "recipes", "samples", "report"} <= folders
    assert "openflan/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/")) or name.endswith(".pyc")]


def light_distributions() -> list[Distribution]:
    """What the data half needs, and what that needs, as installed here."""
    found: dict[str, Distribution] = {}
    waiting = [one for one in requirements(distribution("openflan")) if one not in MODEL_HALF]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = distribution(name)
            waiting += requirements(found[name])
    assert not MODEL_HALF & set(found)
    return list(found.values())


def requirements(of: Distribution) -> list[str]:
    """The names of what a distribution requires here, without its extras."""
    parsed = map(Requirement, of.requires or ())
    return [one.name for one in parsed if one.marker is None or one.marker.evaluate({"extra": ""})]


def link(installed: Distribution, site: Path) -> None:
    """Put links to the packages and modules of an installed distribution into a site-packages folder."""
    for top in {file.parts[0] for file in installed.files or () if file.parts[0] not in ("..", "__pycache__")}:
        target = site / top
        if not target.exists():
            target.symlink_to(Path(str(installed.locate_file(top))))


def pip(*words: str) -> None:
    told = subprocess.run([sys.executable, "-m", "pip", "--quiet", *words], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


def command(environment: Path, folder: Path, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the environment in an empty folder, with nothing of this one in its way."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPENFLAN"))}
    clean = {**kept, "OPENFLAN_CACHE": str(folder / "cache")}
    program = str(environment / "bin" / program)
    return subprocess.run([program, *words], capture_output=True, text=True, cwd=folder, env=clean, check=False)
