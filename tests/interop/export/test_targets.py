"""What every tool gets: its layout, the mixture's order, and the labels that its loader makes of the text."""

import json
from pathlib import Path

import pytest
import yaml
from datasets import load_dataset
from transformers import AutoTokenizer

from openflan.api.data import load_mixture
from openflan.api.export import TRAINERS, export
from openflan.errors import OpenflanError, UnknownNameError
from openflan.interop.export.examples import COLUMNS, PROVENANCE
from openflan.study.stream import make_stream

CHECKOUT = Path(__file__).parents[3]
EXAMPLES = 12
JOINS = ("eos", "newline", "space")


@pytest.fixture(scope="module")
def exports(recipe, tmp_path_factory):
    """The rows of every tool, by tool and join, as `datasets` reads the folder of its shards."""
    out, found = tmp_path_factory.mktemp("out"), {}
    for to in TRAINERS:
        for join in JOINS if to == "parquet" else ("eos",):
            made = export(recipe.replace(format={"join": join}), to, out / to / join, examples=EXAMPLES, silent=True)
            kind = "parquet" if to == "parquet" else "json"
            data = str(made.folder / "data")
            found[to, join] = made, load_dataset(kind, data_dir=data, split="train", cache_dir=str(out / "cache"))
    return found


@pytest.fixture(scope="module")
def ours(recipe, tiny):
    """The token sequences of training, by join."""

    def sequences(join):
        asked = recipe.replace(format={"join": join})
        stream = make_stream(asked, tiny, load_mixture(asked.data, silent=True).mixture)
        stream.window = EXAMPLES
        return stream.sequences(0)

    return {join: sequences(join) for join in JOINS}


@pytest.mark.parametrize("to", TRAINERS)
def test_rows_stand_in_mixture_order_and_say_where_they_come_from(exports, recipe, to):
    made, rows = exports[to, "eos"]
    prompts = load_mixture(recipe.data, silent=True).mixture.prompts(0, EXAMPLES)
    assert rows["number"] == list(range(EXAMPLES))
    assert rows["example_id"] == [prompt.example_id for prompt in prompts]
    assert rows["template_id"] == [prompt.writer for prompt in prompts]
    assert set(PROVENANCE) <= set(rows.column_names)
    assert made.examples == EXAMPLES and set(made.licences) == {"copa", "rte", "common_gen"}


@pytest.mark.parametrize("join", JOINS)
def test_parquet_has_every_column_and_the_very_tokens(exports, ours, join):
    _, rows = exports["parquet", join]
    assert set(rows.column_names) == set(COLUMNS)
    for row, (tokens, start) in zip(rows, ours[join], strict=True):
        assert row["input_ids"] == tokens
        assert row["completion_mask"] == [0] * start + [1] * (len(tokens) - start)


@pytest.mark.parametrize("to", ["axolotl", "llamafactory"])
def test_halves_that_are_tokenized_apart_give_our_labels(exports, ours, tiny, to):
    """With the paper's join; the byte tokenizer has a token for every join besides."""
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    _, rows = exports[to, "eos"]
    for row, (tokens, start) in zip(rows, ours["eos"], strict=True):
        halves = [one["text"] for one in row["segments"]] if to == "axolotl" else [row["instruction"], row["output"]]
        read, labelled = (tokenizer(half, add_special_tokens=False)["input_ids"] for half in halves)
        assert (read + labelled, len(read)) == (tokens, start)


@pytest.mark.parametrize("join", JOINS)
def test_prompt_and_completion_are_one_text(exports, ours, tiny, join):
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    _, rows = exports["parquet", join]
    for row, (tokens, _) in zip(rows, ours[join], strict=True):
        assert tokenizer(row["prompt"] + row["completion"])["input_ids"] == tokens


@pytest.mark.parametrize(
    ("to", "layout"),
    [
        ("axolotl", {"segments": [{"label": False, "text": str}, {"label": True, "text": str}]}),
        ("llamafactory", {"instruction": str, "input": "", "output": str}),
        ("open-instruct", {"messages": [{"role": "user", "content": str}, {"role": "assistant", "content": str}]}),
        ("torchtune", {"input": str, "output": str}),
    ],
)
def test_a_row_has_the_layout_that_the_tool_documents(exports, to, layout):
    for row in exports[to, "eos"][1]:
        assert _fits({name: row[name] for name in layout}, layout)


def test_configurations_name_what_is_there(exports):
    axolotl = exports["axolotl", "eos"][0].folder
    (data,) = yaml.safe_load((axolotl / "axolotl.yaml").read_text())["datasets"]
    assert data == {"path": str(axolotl / "data"), "ds_type": "json", "type": "input_output"}
    factory = exports["llamafactory", "eos"][0].folder
    config = yaml.safe_load((factory / "llamafactory.yaml").read_text())
    info = json.loads((factory / "dataset_info.json").read_text())[config["dataset"]]
    assert (factory / info["file_name"]).is_dir() and config["template"] == "empty"
    assert "data/train-00000.jsonl 1.0" in exports["open-instruct", "eos"][0].command


def test_a_page_says_columns_and_licences(exports):
    page = (exports["trl", "eos"][0].folder / "README.md").read_text(encoding="utf-8")
    assert "| `completion_mask` |" in page and "BSD 2-clause" in page and f"{EXAMPLES} examples" in page


def test_it_stops_at_a_number_of_tokens(recipe, tmp_path):
    made = export(recipe, "parquet", tmp_path / "some", tokens=500, silent=True)
    assert 500 <= made.tokens < 500 + recipe.train.row_length


def test_other_files_are_not_written_over(recipe, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OpenflanError, match="has files already"):
        export(recipe, "trl", tmp_path, examples=2, silent=True)
    with pytest.raises(UnknownNameError, match="did you mean 'axolotl'"):
        export(recipe, "axolotle", tmp_path / "new", silent=True)


def test_a_stopped_export_is_begun_anew(recipe, tmp_path):
    whole = export(recipe, "parquet", tmp_path / "whole", examples=4, silent=True).folder
    half = tmp_path / "half"
    (half / "data").mkdir(parents=True)
    (half / ".unfinished").touch()
    (half / "data" / "train-00007.parquet").write_bytes(b"left over")
    export(recipe, "parquet", half, examples=4, silent=True)
    files = [sorted(path.name for path in folder.rglob("*.*")) for folder in (half, whole)]
    assert files[0] == files[1]


def test_a_mixture_becomes_a_dataset(recipe, tiny, exports):
    rows = load_mixture(recipe.data, silent=True).to_datasets(
        str(tiny), examples=EXAMPLES, row_length=1024, format=recipe.format
    )
    assert rows.to_list() == exports["parquet", "eos"][1].to_list()


def _fits(value, layout):
    if isinstance(layout, dict):
        return set(value) == set(layout) and all(_fits(value[name], part) for name, part in layout.items())
    if isinstance(layout, list):
        return len(value) == len(layout) and all(map(_fits, value, layout))
    return isinstance(value, layout) and bool(value) if isinstance(layout, type) else value == layout


def test_the_documentation_has_every_column():
    page = (CHECKOUT / "docs" / "how-to" / "export.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` | {meaning} |" in page for name, meaning in COLUMNS.items())
