"""Copies of a dataset on the hub, read through the real `datasets` library from a stand-in server on 127.0.0.1."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_rows import LABELS, Ask, agreeing, described, pairs, parquet, repository
from hub_server import Hub

from openflan.data.hub import HubSource
from openflan.data.rows import load_rows
from openflan.tasks.cardfile import read_card
from openflan.tasks.registry import Task


def test_rows_arrive(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    hub.add("lab/found", repository())
    answer = online(card({"path": "lab/found"}), "train", "validation")
    assert [len(answer["rows"][split]) for split in ("train", "validation")] == [60, 5]
    assert answer["available"] == ["train", "validation"]
    assert "lab/found" in answer["origin"]
    assert agreeing(answer["rows"]["train"])


def test_only_the_split_that_is_read_is_fetched(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    hub.add("lab/one_split", repository())
    online(card({"path": "lab/one_split"}), "train")
    fetched = {path for path in hub.downloaded() if "one_split" in path}
    assert len(fetched) == 1
    assert "train" in fetched.pop()


@pytest.mark.parametrize("told_by", ["file", "readme", "readme against file"])
def test_labels_go_by_name_when_ids_are_permuted(
    hub: Hub, online: Ask, card: Callable[..., Path], told_by: str
) -> None:
    turned = LABELS[::-1]
    files = {f"data/{split}-0.parquet": pairs(6, names=turned) for split in ("train", "validation")}
    if told_by == "readme":
        files = {path: table.replace_schema_metadata({}) for path, table in files.items()}
    if told_by == "readme against file":
        files = {path: table.replace_schema_metadata(pairs().schema.metadata) for path, table in files.items()}
    contents = {path: parquet(table) for path, table in files.items()}
    name = f"lab/turned_{told_by.replace(' ', '_')}"
    hub.add(name, contents if told_by == "file" else {**contents, "README.md": described(turned)})
    answer = online(card({"path": name}), "train")
    assert len(answer["rows"]["train"]) == 6
    assert agreeing(answer["rows"]["train"])


def test_the_configuration_is_chosen_by_name(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    hub.add("lab/named", repository(**{"README.md": described(LABELS, "small")}))
    assert online(card({"path": "lab/named", "name": "small"}), "train")["corpus"] == "lab/named/small"
    answer = online(card({"path": "lab/named", "name": "large"}), "train")
    assert "lab/named/large" in answer["message"]
    assert "small" in answer["message"]


def test_a_converted_copy_is_read_at_its_revision(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    hub.add("lab/script", {"script.py": b"raise SystemExit", "README.md": b"# A loading script\n"})
    converted = {
        f"{folder}/{split}/0000.parquet": parquet(pairs(rows))
        for folder, rows in (("plain", 30), ("other", 7))
        for split in ("train", "validation")
    }
    hub.add("lab/script", converted, revision="refs/convert/parquet")
    source = {"path": "lab/script", "revision": "refs/convert/parquet", "data_dir": "plain"}
    answer = online(card(source), "train", "validation")
    assert [len(answer["rows"][split]) for split in ("train", "validation")] == [30, 30]
    assert not [path for path in hub.downloaded() if "/other/" in path]

    refused = online(card({"path": "lab/script"}), "train")
    assert refused["error"] == "MissingRowsError"
    assert "scripts are no longer supported" in refused["message"]


def test_a_conversion_that_stopped_half_way_is_read(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    """Of data sets above 5 GB the hub converts the first part, into a folder named `partial-train`."""
    shards = {f"plain/partial-train/000{number}.parquet": parquet(pairs(30, 30 * number)) for number in range(2)}
    hub.add("lab/half", {"README.md": b"# Large\n"})
    hub.add("lab/half", shards, revision="refs/convert/parquet")
    source = {"path": "lab/half", "revision": "refs/convert/parquet", "data_dir": "plain"}
    answer = online(card(source, splits={"train": "train[:-20]", "dev": "train[-20:]"}), "train")
    assert len(answer["rows"]["train"]) == 60


def test_rows_of_text_formats(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    rows = pairs(4).to_pylist()
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    hub.add("lab/jsonl", {"train.jsonl": lines, "validation.jsonl": lines})
    csv = "premise,label\n" + "".join(f"{row['premise']},{row['label']}\n" for row in rows)
    hub.add("lab/csv", {"train.csv": csv.encode(), "validation.csv": csv.encode()})
    for name in ("lab/jsonl", "lab/csv"):
        assert online(card({"path": name}), "train")["rows"]["train"] == rows


def test_the_next_copy_is_used_when_one_is_missing(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    hub.add("lab/second", repository())
    answer = online(card({"path": "lab/nowhere"}, {"path": "lab/second"}), "train")
    assert answer["corpus"] == "lab/second"
    assert len(answer["rows"]["train"]) == 60


def test_the_next_copy_is_used_when_one_has_other_columns(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    renamed = parquet(pairs().rename_columns(["sentence", "label"]))
    hub.add("lab/renamed", {"data/train-0.parquet": renamed, "data/validation-0.parquet": renamed})
    hub.add("lab/kept", repository())
    answer = online(card({"path": "lab/renamed"}, {"path": "lab/kept"}), "train")
    assert answer["corpus"] == "lab/kept"


def test_a_copy_with_every_split_is_preferred(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    hub.add("lab/partial", {"data/train-0.parquet": parquet(pairs())})
    hub.add("lab/complete", repository())
    answer = online(card({"path": "lab/partial"}, {"path": "lab/complete"}), "train")
    assert answer["corpus"] == "lab/complete"
    alone = online(card({"path": "lab/partial"}), "train")
    assert alone["available"] == ["train"]


def test_missing_everywhere_names_every_copy(online: Ask, card: Callable[..., Path]) -> None:
    answer = online(card({"path": "lab/gone", "name": "a"}, {"path": "lab/lost"}, access="Ask the authors."), "train")
    assert answer["error"] == "MissingRowsError"
    for said in ("pairs", "lab/gone/a", "lab/lost", "doesn't exist", "Ask the authors."):
        assert said in answer["message"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_copy_says_so(hub: Hub, online: Ask, card: Callable[..., Path], status: int) -> None:
    hub.add(f"lab/gated{status}", repository(), gated=status)
    answer = online(card({"path": f"lab/gated{status}"}), "train")
    assert answer["error"] == "MissingRowsError"
    assert f"lab/gated{status}" in answer["message"]
    assert "gated" in answer["message"]


def test_another_revision_is_missing(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    hub.add("lab/revised", repository())
    answer = online(card({"path": "lab/revised", "revision": "refs/convert/parquet"}), "train")
    assert "refs/convert/parquet" in answer["message"]


def test_changed_columns_and_labels_are_named(hub: Hub, online: Ask, card: Callable[..., Path]) -> None:
    renamed = parquet(pairs().rename_columns(["sentence", "label"]))
    hub.add("lab/columns", {"data/train-0.parquet": renamed, "data/validation-0.parquet": renamed})
    answer = online(card({"path": "lab/columns"}), "train")
    assert answer["error"] == "SchemaError"
    assert "lab/columns" in answer["message"]
    assert "'premise'" in answer["message"]

    other = pairs(names=["contradiction", "neutral", "entailment"])
    hub.add("lab/labels", {"data/train-0.parquet": parquet(other), "data/validation-0.parquet": parquet(other)})
    answer = online(card({"path": "lab/labels"}), "train")
    assert answer["error"] == "SchemaError"
    assert "neutral" in answer["message"]


class TestLargeSplit:
    """A split above the limit is read in part, by row groups from all of its files."""

    @pytest.fixture(scope="class")
    def files(self) -> dict[str, bytes]:
        filler = random.Random(0)
        shards = []
        for number in range(3):
            wide = [filler.randbytes(300).hex() for _ in range(2_000)]
            table = pairs(2_000, first=2_000 * number).append_column("filler", [wide])
            shards.append(parquet(table, rows_a_group=100))
        names = [f"data/train-{number:05d}-of-00003.parquet" for number in range(3)]
        return {**dict(zip(names, shards, strict=True)), "data/validation-00000-of-00001.parquet": parquet(pairs(9))}

    def test_reads_a_spread_of_whole_row_groups(
        self, hub: Hub, online: Ask, card: Callable[..., Path], files: dict[str, bytes]
    ) -> None:
        hub.add("lab/large", files)
        sent = hub.sent
        rows = online(card({"path": "lab/large"}), "train", limit=600)["rows"]["train"]
        assert len(rows) == 600
        groups = {int(row["premise"].split()[0]) // 100 for row in rows}
        assert len(groups) == 6
        assert len({group // 20 for group in groups}) > 1
        assert agreeing(rows)
        assert hub.sent - sent < 0.5 * sum(map(len, files.values()))

    def test_every_reader_gets_the_same_rows(
        self, hub: Hub, online: Ask, card: Callable[..., Path], files: dict[str, bytes], places: dict[str, str]
    ) -> None:
        hub.add("lab/large_again", files)
        first = online(card({"path": "lab/large_again"}), "train", limit=600)
        (Path(places["OPENFLAN_CACHE"]) / "hub" / "lab--large_again" / "train.parquet").unlink()
        assert online(card({"path": "lab/large_again"}), "train", limit=600)["rows"] == first["rows"]

    def test_roles_stay_apart(
        self,
        hub: Hub,
        online: Ask,
        card: Callable[..., Path],
        files: dict[str, bytes],
        places: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        hub.add("lab/large_roles", files)
        path = card({"path": "lab/large_roles"})
        online(path, "train", "validation", limit=600)
        monkeypatch.setenv("OPENFLAN_CACHE", places["OPENFLAN_CACHE"])
        roles = {role: load_rows(Task(read_card(path)), role, HubSource()) for role in ("train", "dev", "test")}
        assert {role: len(rows) for role, rows in roles.items()} == {"train": 580, "dev": 20, "test": 9}
        texts = [{example.fields["premise"] for example in roles[role]} for role in ("train", "dev")]
        assert not texts[0] & texts[1]
