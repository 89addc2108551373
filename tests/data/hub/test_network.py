"""A hub that is slow, cut off or not there, and copies that are kept: through the real `datasets` library."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_reader import Reader
from hub_rows import Ask, pairs, parquet, repository
from hub_server import Hub

from openflan.data.hub import HubSource
from openflan.data.sources import MirrorSource
from openflan.errors import MissingRowsError
from openflan.tasks.cardfile import read_card
from openflan.tasks.registry import Task


def test_a_cut_connection_is_told_and_leaves_nothing_behind(
    hub: Hub, online: Ask, card: Callable[..., Path], places: dict[str, str]
) -> None:
    path = "data/validation-00000-of-00001.parquet"
    cut = hub.add("lab/cut", repository(), cut={path: 1_000})
    answer = online(card({"path": "lab/cut"}), "train", "validation")
    assert answer["error"] == "MissingRowsError"
    assert "lab/cut did not load" in answer["message"]
    kept = Path(places["OPENFLAN_CACHE"]) / "hub" / "lab--cut"
    assert sorted(file.name for file in kept.iterdir()) == ["copy.json", "train.parquet"]

    cut.cut.clear()
    assert len(online(card({"path": "lab/cut"}), "train", "validation")["rows"]["validation"]) == 5


def test_a_connection_that_is_cut_once_is_taken_up_again(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    hub.add("lab/cut_once", repository(), cut={"data/train-00000-of-00001.parquet": 2})
    assert len(online(card({"path": "lab/cut_once"}), "train")["rows"]["train"]) == 60


@pytest.mark.parametrize("what", ["tree", "data/train-00000-of-00001.parquet"])
def test_a_silent_server_is_given_up(hub: Hub, online: Ask, card: Callable[..., Path], what: str) -> None:
    name = f"lab/silent_{what[:4]}"
    hub.add(name, repository(), silent={what})
    started = time.monotonic()
    answer = online(card({"path": name}), "train")
    assert f"{name} did not load" in answer["message"]
    assert time.monotonic() - started < 60


def test_without_network_every_copy_fails_at_once(places: dict[str, str], card: Callable[..., Path]) -> None:
    reader = Reader({**places, "HF_ENDPOINT": "http://127.0.0.1:9"}, "--patient")
    answer = reader.ask(card({"path": "lab/far"}, {"path": "lab/farther"}), "train")
    assert "lab/far did not load: " in answer["message"]
    assert "Connection refused" in answer["message"]
    assert "lab/farther" in answer["message"]
    assert answer["seconds"] < 20  # the client alone would try for 23 seconds, for each
    reader.close()


def test_a_kept_copy_needs_neither_network_nor_library(
    hub: Hub, online: Ask, offline: Ask, card: Callable[..., Path]
) -> None:
    hub.add("lab/keeping", repository())
    before = online(card({"path": "lab/keeping"}), "train")
    hub.repositories.pop("lab/keeping")
    asked = len(hub.requests)
    for ask in (online, offline):
        assert ask(card({"path": "lab/keeping"}), "train")["rows"] == before["rows"]
    assert len(hub.requests) == asked
    assert not offline(card({"path": "lab/keeping"}), "train")["datasets"]


def test_offline_without_a_kept_copy_says_so(hub: Hub, offline: Ask, card: Callable[..., Path]) -> None:
    hub.add("lab/never_read", repository())
    asked = len(hub.requests)
    answer = offline(card({"path": "lab/never_read"}), "train")
    assert answer["error"] == "MissingRowsError"
    assert "lab/never_read" in answer["message"]
    assert "offline" in answer["message"].lower()
    assert len(hub.requests) == asked


def test_rows_that_the_library_has_prepared_before_serve_offline(
    hub: Hub, online: Ask, offline: Ask, card: Callable[..., Path], places: dict[str, str]
) -> None:
    rows = pairs(4).to_pylist()
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    hub.add("lab/prepared", {"train.jsonl": lines, "validation.jsonl": lines})
    online(card({"path": "lab/prepared"}), "train")
    shutil.rmtree(Path(places["OPENFLAN_CACHE"]) / "hub" / "lab--prepared")
    assert offline(card({"path": "lab/prepared"}), "train")["rows"]["train"] == rows


def test_a_kept_copy_is_a_folder_of_a_mirror(
    hub: Hub, online: Ask, card: Callable[..., Path], places: dict[str, str], tmp_path: Path
) -> None:
    hub.add("lab/mirrored", repository())
    path = card({"path": "lab/mirrored"})
    rows = online(path, "train", "validation")["rows"]
    shutil.copytree(Path(places["OPENFLAN_CACHE"]) / "hub" / "lab--mirrored", tmp_path / "mirror" / "pairs")
    opened = MirrorSource(tmp_path / "mirror", "mirror").open(Task(read_card(path)))
    assert {split: opened.table(split).to_pylist() for split in opened.splits()} == rows


def test_a_copy_stays_at_its_commit(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    """Splits of one copy that are read at different times belong together."""
    copy = hub.add("lab/moving", repository())
    online(card({"path": "lab/moving"}), "train")
    copy.revisions = {"old": copy.revisions["main"], "main": {"data/train-0.parquet": parquet(pairs(1))}}
    answer = online(card({"path": "lab/moving"}), "train", "validation")
    assert [len(answer["rows"][split]) for split in ("train", "validation")] == [60, 5]


def test_without_the_library_the_extra_is_named(
    card: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENFLAN_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingRowsError, match=r"openflan\[hub\]"):
        HubSource().open(Task(read_card(card({"path": "lab/any"}))))


def test_other_sources_import_no_library_for_it() -> None:
    program = (
        "import sys; from openflan.cli import main; main(['mix', '--set', 'data.tasks=nli', '--json']);"
        "sys.exit(' '.join({'datasets', 'huggingface_hub', 'torch', 'transformers'} & sys.modules.keys()) or None)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stderr.strip(), done.returncode) == ("", 0)
