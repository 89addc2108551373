"""Models on a hub: fetched once, pinned to a commit, and pushed; against a stand-in, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import TOKEN, Hub, serving
from tiny_folder import save_tiny_model

from openflan.errors import ModelError
from openflan.interop.push import PushError, kind_of
from openflan.model.hub import hub_model, hub_name
from openflan.model.identity import model_identity
from openflan.sums import sums_of, write_sealed

FETCH = "import sys; from openflan.model.default import resolve; print(resolve(sys.argv[1]))"


@pytest.fixture(scope="module")
def hub():
    return Hub()


@pytest.fixture(scope="module")
def address(hub):
    with serving(hub) as address:
        yield address


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("hub-model") / "tiny")


@pytest.fixture
def process(address, tmp_path):
    """Runs a command that finds the stand-in where the hub should be."""

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        plain = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        places = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hf"), "OPENFLAN_CACHE": str(tmp_path / "openflan")}
        path = os.pathsep.join(sys.path)
        return subprocess.run(
            [sys.executable, *words], env={**plain, **places, "PYTHONPATH": path, **more},
            capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300,
        )  # fmt: skip

    return run


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_model_is_fetched_once_and_stays_at_its_commit(hub, process, tiny):
    first = {**files_of(tiny), "pytorch_model.bin": b"not needed", "tf_model.h5": b"not needed"}
    repository = hub.add("org/tiny", first)
    done = process("-c", FETCH, "hub:org/tiny")
    assert done.returncode == 0, done.stderr
    folder, commit = Path(done.stdout.strip()), repository.commit("main")
    assert folder.name == commit
    assert files_of(folder) == files_of(tiny)
    identity = model_identity(folder)
    assert identity["hub"] == f"org/tiny@{commit}"
    assert identity["fingerprint"] == model_identity(tiny)["fingerprint"]

    repository.revisions["old"] = first
    hub.add("org/tiny", {**first, "README.md": b"changed"})
    hub.requests.clear()
    assert process("-c", FETCH, "hub:org/tiny").stdout.strip() == str(folder)
    assert hub.requests == []
    (folder / "model.safetensors").unlink()  # what is lost is fetched again, of the commit that was noted
    assert process("-c", FETCH, "hub:org/tiny").stdout.strip() == str(folder)
    assert process("-c", FETCH, f"hub:org/tiny@{commit}").stdout.strip() == str(folder)


def test_a_broken_download_goes_on(hub, process, tiny):
    hub.add("org/cut", files_of(tiny), cut={"model.safetensors": 100})
    broken = process("-c", FETCH, "hub:org/cut")
    assert broken.returncode == 1
    assert "the same command goes on from there" in broken.stderr
    hub.repositories["org/cut"].cut.clear()
    assert process("-c", FETCH, "hub:org/cut").returncode == 0


def test_what_is_not_there_is_said(hub, process, tiny):
    hub.add("org/here", files_of(tiny))
    hub.add("org/no-model", {"README.md": b"nothing"})
    for name, said in [("nobody/nothing", "cannot be had"), ("org/here@nowhere", "cannot be had"),
                       ("org/no-model", "holds no config.json")]:  # fmt: skip
        done = process("-c", FETCH, f"hub:{name}")
        assert done.returncode == 1
        assert said in done.stderr
    with pytest.raises(ModelError, match="is no name on the hub"):
        hub_model("just-a-name")
    with pytest.raises(ModelError, match="is no name on the hub"):
        hub_name("hub:org/name@commit")


def test_a_pushed_model_is_the_one_that_is_fetched(hub, process, tiny):
    push = "import sys; from openflan.cli import main; raise SystemExit(main(['push', *sys.argv[1:]]))"
    denied = process("-c", push, str(tiny), "hub:me/mine")
    assert denied.returncode == 1
    assert "HF_TOKEN" in denied.stderr
    done = process("-c", push, str(tiny), "hub:me/mine", HF_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert hub.repositories["me/mine"].private
    commit = hub.repositories["me/mine"].commit("main")
    assert f"hub:me/mine@{commit}" in done.stdout.replace("\n", "")
    fetched = process("-c", FETCH, f"hub:me/mine@{commit}")
    assert files_of(Path(fetched.stdout.strip())) == files_of(tiny)
    again = process("-c", push, str(tiny), "me/mine", HF_TOKEN=TOKEN)  # the repository is there already
    assert again.returncode == 0, again.stderr


def test_only_whole_things_are_pushed(tmp_path, tiny):
    assert kind_of(tiny) == ("model", tiny)
    (tmp_path / "run" / "model").mkdir(parents=True)
    (tmp_path / "run" / "model" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="holds no weights"):
        kind_of(tmp_path / "run")
    (tmp_path / "export").mkdir()
    with pytest.raises(PushError, match="holds neither a model nor"):
        kind_of(tmp_path / "export")
    (tmp_path / "export" / "export.json").write_text(json.dumps({}), encoding="utf-8")
    assert kind_of(tmp_path / "export") == ("dataset", tmp_path / "export")
    (tmp_path / "export" / ".unfinished").touch()
    with pytest.raises(PushError, match="is unfinished"):
        kind_of(tmp_path / "export")


def test_a_run_whose_model_is_not_as_it_was_saved_is_not_pushed(tmp_path):
    model = save_tiny_model(tmp_path / "model")
    write_sealed(tmp_path / "train.json", {"step": 1, "files": sums_of(model)})
    assert kind_of(tmp_path) == ("model", model)
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match="start the run again"):
        kind_of(tmp_path)
