"""Where rows come from: mirrors with a folder per dataset, in any layout of the card, and what is said if they lack."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from openflan.data.sources import SAMPLES, MirrorSource, parse_source
from openflan.errors import MissingRowsError, RecipeError, SchemaError
from openflan.tasks.registry import Task, load_catalog

Make = Callable[..., Any]
OTHER = {
    "columns": {"sentence1": "string", "sentence2": "string", "label": ["entailed", "open"]},
    "fields": {"premise": "{{ sentence1 }}", "hypothesis": "{{ sentence2 }}"},
}
FIRST = {"columns": {"premise": "string", "hypothesis": "string", "label": ["entailed", "open"]}}


def test_names_of_sources(tmp_path: Path) -> None:
    assert parse_source("samples").name == "samples"
    assert parse_source(f"mirror:{tmp_path}").name == f"mirror:{tmp_path}"
    assert parse_source("hub").name == "hub"


@pytest.mark.parametrize("spec", ["", "sample", "mirror", "mirror:", "hub:x", "samples:x"])
def test_unknown_source_says_what_there_is(spec: str) -> None:
    with pytest.raises(RecipeError, match="use samples, mirror:DIR or hub"):
        parse_source(spec)


def test_mirror_that_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no folder of rows at .*gone"):
        parse_source(f"mirror:{tmp_path / 'gone'}")


def test_splits_are_files(make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    root = make_mirror(train=toy_rows(5), validation=toy_rows(3, 5))
    (root / "toy" / "README.md").write_text("not rows")
    opened = MirrorSource(root, "m").open(make_task())
    assert sorted(opened.splits()) == ["train", "validation"]
    assert opened.table("validation").num_rows == 3


def test_shards_are_joined(make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    folder = make_mirror(validation=toy_rows(1)) / "toy"
    for shard in range(3):
        path = folder / f"train-{shard:05}-of-00003.parquet"
        pq.write_table(pa.Table.from_pylist(toy_rows(4, 4 * shard)), path)
    table = MirrorSource(folder.parent, "m").open(make_task()).table("train")
    assert table.column("premise").to_pylist() == [row["premise"] for row in toy_rows(12)]


@pytest.mark.parametrize("folder", ["toy", "toy_r1", "elsewhere"])
def test_folder_of_a_variant(folder: str, make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    task: Task = make_task("r1", sources=[{**FIRST, "mirror": "elsewhere"}], variants={"r1": {}, "r2": {}})
    root = make_mirror(folder, train=toy_rows(2))
    assert Path(MirrorSource(root, "m").open(task).origin).name == folder


def test_the_layout_is_the_one_the_files_have(make_task: Make, make_mirror: Make) -> None:
    rows = [{"sentence1": "a", "sentence2": "b", "label": 0}]
    opened = MirrorSource(make_mirror(train=rows), "m").open(make_task(sources=[FIRST, OTHER]))
    assert opened.layout.fields["premise"] == "{{ sentence1 }}"


def test_a_layout_whose_splits_are_all_there_is_preferred(make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    splits = {"train": "train[:-20]", "dev": "train[-20:]", "test": "train[:5]"}
    task = make_task(sources=[FIRST, {**FIRST, "splits": splits}])
    only_train = MirrorSource(make_mirror(train=toy_rows(9)), "m").open(task)
    assert only_train.layout.splits["test"].split == "train"
    both = MirrorSource(make_mirror(train=toy_rows(9), validation=toy_rows(9)), "m").open(task)
    assert both.layout.splits["test"].split == "validation"


def test_rows_in_no_layout_are_told_by_the_closest_one(make_task: Make, make_mirror: Make) -> None:
    root = make_mirror(train=[{"premise": "a", "hypothesis": 1, "label": 0}])
    with pytest.raises(SchemaError) as error:
        _ = MirrorSource(root, "m").open(make_task(sources=[FIRST, OTHER])).layout
    assert str(error.value).splitlines()[1:] == ["  train: column 'hypothesis': expected string, found int64"]


def test_missing_dataset_says_where_and_what_to_do(make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    root = make_mirror("another", train=toy_rows(2))
    with pytest.raises(MissingRowsError, match=r"toy: no rows in .*\(looked for toy/\)\. Write train, validation"):
        MirrorSource(root, "m").open(make_task(access=None))
    with pytest.raises(MissingRowsError, match="Sign the form"):
        MirrorSource(root, "m").open(make_task(access="Sign the form."))


def test_empty_folder_counts_as_missing(make_task: Make, make_mirror: Make) -> None:
    with pytest.raises(MissingRowsError):
        MirrorSource(make_mirror("toy"), "m").open(make_task())


def test_the_first_source_that_has_a_dataset_serves_it(make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    root = make_mirror(train=toy_rows(2))
    source = parse_source(f"mirror:{root}, samples")
    assert source.open(make_task()).origin == str(root / "toy")
    assert source.open(load_catalog().tasks("rte")[0]).origin == str(SAMPLES / "rte")


def test_of_several_sources_every_one_says_what_is_missing(make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    root = make_mirror("another", train=toy_rows(2))
    with pytest.raises(MissingRowsError) as caught:
        parse_source(f"mirror:{root},samples").open(make_task())
    assert str(root) in str(caught.value)
    assert str(SAMPLES) in str(caught.value)


def test_rows_in_another_layout_are_not_passed_over(make_task: Make, make_mirror: Make) -> None:
    root = make_mirror("rte", train=[{"text": "Ships sail."}])
    with pytest.raises(SchemaError, match="premise"):
        _ = parse_source(f"mirror:{root},samples").open(load_catalog().tasks("rte")[0]).layout


def test_files_of_other_kinds_are_named(make_task: Make, tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "train.xlsx").write_text("premise,label")
    with pytest.raises(MissingRowsError, match=r"toy: no Parquet, JSON or CSV file in .*toy, only train\.xlsx"):
        MirrorSource(tmp_path, "m").open(make_task())


def test_a_split_as_parquet_and_as_jsonl_is_refused(make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    root = make_mirror(train=toy_rows(2))
    pq.write_table(pa.Table.from_pylist(toy_rows(3)), root / "toy" / "train.parquet")
    with pytest.raises(SchemaError, match=r"train\.jsonl and .*train\.parquet"):
        MirrorSource(root, "m").open(make_task())


def test_further_splits_need_not_fit(make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    root = make_mirror(train=toy_rows(30), validation=toy_rows(3), unlabelled=[{"text": "Ships sail."}])
    assert MirrorSource(root, "m").open(make_task()).table("train").num_rows == 30


def test_a_comma_may_stand_in_a_folders_name(tmp_path: Path) -> None:
    folder = tmp_path / "rows, of mine"
    folder.mkdir()
    assert parse_source(f"mirror:{folder}").name == f"mirror:{folder}"
    assert parse_source(f"mirror:{folder}, samples").name == f"mirror:{folder},samples"
    (tmp_path / "a,hub").mkdir()
    assert parse_source(f"mirror:{tmp_path}/a,hub").name == f"mirror:{tmp_path}/a,hub"


@pytest.mark.parametrize("name", ["._train.jsonl", ".train.parquet", ".train.csv.swp"])
def test_files_that_programs_leave_are_no_splits(name: str, make_task: Make, make_mirror: Make, toy_rows: Make) -> None:
    root = make_mirror(train=toy_rows(3))
    (root / "toy" / name).write_bytes(b"\0\5\26\7 Mac OS X")
    opened = MirrorSource(root, "m").open(make_task())
    assert (opened.splits(), opened.table("train").num_rows) == (["train"], 3)


@pytest.mark.parametrize(
    "place", ["default/train/0000.parquet", "train/0001.parquet", "data/train-00000-of-00001.parquet"]
)
def test_arrangements_of_the_hub_are_read(place: str, make_task: Make, tmp_path: Path, toy_rows: Make) -> None:
    path = tmp_path / "toy" / place
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(toy_rows(4)), path)
    opened = MirrorSource(tmp_path, "m").open(make_task())
    assert (opened.splits(), opened.table("train").num_rows) == (["train"], 4)


def test_a_split_is_read_when_it_is_asked_for_and_once(
    make_task: Make, make_mirror: Make, toy_rows: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openflan.data import mirror as module

    folder = make_mirror("toy") / "toy"
    for split in ("train", "validation"):
        pq.write_table(pa.Table.from_pylist(toy_rows(4)), folder / f"{split}.parquet")
    read: list[str] = []
    original = module.read_parquet
    monkeypatch.setattr(
        module, "read_parquet", lambda paths, kinds: read.append(paths[0].name) or original(paths, kinds)
    )
    opened = MirrorSource(folder.parent, "m").open(make_task())
    assert read == []
    assert opened.table("train") is opened.table("train")
    assert read == ["train.parquet"]
