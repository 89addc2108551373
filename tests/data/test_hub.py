"""The hub as a source of rows, through the real `datasets` library, against a stand-in server on 127.0.0.1."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from openflan.data.hub import HubSource
from openflan.data.rows import load_rows
from openflan.data.sources import MirrorSource
from openflan.errors import MissingRowsError
from openflan.tasks.cardfile import read_card
from openflan.tasks.registry import Task

SUPPORT = Path(__file__).parents[1] / "support"
sys.path.insert(0, str(SUPPORT))
from hub_server import Hub, serving  # noqa: E402

if importlib.util.find_spec("datasets") is None:
    pytest.skip("the extra `hub` is not installed", allow_module_level=True)

LABELS = ["entailment", "contradiction"]
Ask = Callable[..., dict[str, Any]]
Answer = dict[str, Any]


@pytest.fixture(scope="module")
def hub() -> Hub:
    return Hub()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> Iterator[dict[str, str]]:
    """Environment of a process that reads from the stand-in."""
    root = tmp_path_factory.mktemp("hub")
    with serving(hub) as address:
        yield {
            **{key: value for key, value in os.environ.items() if not key.startswith("HF_")},
            "HF_ENDPOINT": address,
            "HF_HOME": str(root / "huggingface"),
            "HF_HUB_DOWNLOAD_TIMEOUT": "1",
            "OPENFLAN_CACHE": str(root / "openflan"),
        }


class Worker:
    """A process that answers requests for rows."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        command = [sys.executable, str(SUPPORT / "hub_worker.py"), *arguments]
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, card: Path, *splits: str, **more: Any) -> Answer:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"card": str(card), "splits": splits, **more}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def online(places: dict[str, str]) -> Iterator[Ask]:
    worker = Worker(places)
    yield worker.ask
    worker.close()


@pytest.fixture
def offline(places: dict[str, str]) -> Iterator[Ask]:
    worker = Worker({**places, "HF_HUB_OFFLINE": "1"})
    yield worker.ask
    worker.close()


@pytest.fixture
def card(tmp_path: Path) -> Callable[..., Path]:
    """Writes a card with these sources on the hub, in order."""

    def write(*sources: dict[str, Any], **more: Any) -> Path:
        values = {
            "name": "pairs", "title": "Pairs", "cluster": "nli", "licence": "MIT", "citation": "nobody",
            "metric": "accuracy",
            "sources": [{"hub": source} if "path" in source else source for source in sources],
            "columns": {"premise": "string", "label": LABELS},
            "splits": {"train": "train[:-20]", "dev": "train[-20:]", "test": "validation"},
            "fields": ["premise"], "options": {"entailment": "yes", "contradiction": "no"}, "answer": "{{ label }}",
            "templates": [{"input": "{{ premise }}\n\n{{ options_ }}"}],
        } | more  # fmt: skip
        path = tmp_path / "pairs.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        return path

    return write


def parquet(table: pa.Table, rows_a_group: int | None = None) -> bytes:
    written = io.BytesIO()
    pq.write_table(table, written, row_group_size=rows_a_group)
    return written.getvalue()


def pairs(rows: int = 4, first: int = 0, names: list[str] | None = None) -> pa.Table:
    """Rows whose text says the label; ids in the order of `names`."""
    names = names or LABELS
    words = [LABELS[number % 2] for number in range(first, first + rows)]
    texts = [f"{number} {word}" for number, word in enumerate(words, start=first)]
    features = {"premise": {"dtype": "string", "_type": "Value"}, "label": {"names": names, "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.table({"premise": texts, "label": [names.index(word) for word in words]}).replace_schema_metadata(
        metadata
    )


def described(names: list[str], config: str = "default") -> bytes:
    """A repository's README, whose head says where the splits are and what the ids mean."""
    paths = [{"split": split, "path": f"data/{split}-*"} for split in ("train", "validation")]
    features = [
        {"name": "premise", "dtype": "string"},
        {"name": "label", "dtype": {"class_label": {"names": {str(i): name for i, name in enumerate(names)}}}},
    ]
    head = {
        "configs": [{"config_name": config, "data_files": paths}],
        "dataset_info": [{"config_name": config, "features": features}],
    }
    return f"---\n{yaml.safe_dump(head)}---\n# Pairs\n".encode()


def repository(**more: bytes) -> dict[str, bytes]:
    return {
        "data/train-00000-of-00001.parquet": parquet(pairs(60)),
        "data/validation-00000-of-00001.parquet": parquet(pairs(5)),
        **more,
    }


def agreeing(rows: list[dict[str, Any]]) -> bool:
    """Every row's label is the one its text says."""
    return all(row["premise"].split()[1] == row["label"] for row in rows)


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
    worker = Worker({**places, "HF_ENDPOINT": "http://127.0.0.1:9"}, "--patient")
    answer = worker.ask(card({"path": "lab/far"}, {"path": "lab/farther"}), "train")
    assert "lab/far did not load: " in answer["message"]
    assert "Connection refused" in answer["message"]
    assert "lab/farther" in answer["message"]
    assert answer["seconds"] < 20  # the client alone would try for 23 seconds, for each
    worker.close()


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
