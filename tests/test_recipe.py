import re

import pytest

from openflan.errors import RecipeError
from openflan.recipe import RECIPES, load_recipe


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.yaml")))
def test_every_packaged_recipe_reads_and_says_what_it_is(name):
    assert load_recipe(name).description


def test_a_saved_recipe_reads_back_the_same(tmp_path):
    recipe = load_recipe(None, ["train.steps=3", "data.hold_out=[nli, sentiment]", "train.adapter={rank: 4}"])
    recipe.save(tmp_path / "recipe.yaml")
    assert load_recipe(tmp_path / "recipe.yaml") == recipe


def test_changes_win_over_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("train: {steps: 5, lr: 1.0e-4}\ndata: {hold_out: nli}\n", encoding="utf-8")
    recipe = load_recipe(path, ["train.lr=1e-3", "model.path=somewhere"])
    assert (recipe.name, recipe.train.steps, recipe.train.lr, recipe.model.path) == ("mine", 5, 1e-3, "somewhere")
    assert recipe.data.hold_out == ("nli",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train: {steps: 5}\ntrian: {}\n", r":2: trian: unknown key; did you mean 'train'\?"),
        ("train:\n  steps: 5\n  learning_rate: 1\n", r":3: train.learning_rate: unknown key"),
        ("train:\n  steps: many\n", r":2: train.steps: .*integer"),
        ("data:\n  missing: ignore\n", r":2: data.missing: .*'stop' or 'skip'"),
        ("train: {steps: 5, tokens: 6}\n", r":1: train: give either steps or tokens"),
        ("train: {steps: 1}\ntrain: {steps: 2}\n", r":2: train: the key stands here a second time"),
        ("- a list\n", r":1: expected a mapping"),
        ("train: {steps: 1\n", r"mine.yaml:\d: "),
    ],
)
def test_a_fault_names_file_line_and_key(tmp_path, text, said):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        load_recipe(path)


@pytest.mark.parametrize("written", ["[nli, sst2]", "nli,sst2", "nli, sst2", "nli sst2"])
def test_lists_are_written_one_way_everywhere(tmp_path, written):
    path = tmp_path / "mine.yaml"
    path.write_text(f"data: {{hold_out: '{written}'}}\n" if "[" not in written else f"data: {{hold_out: {written}}}\n")
    for recipe in (load_recipe(path), load_recipe(None, [f"data.hold_out={written}"])):
        assert recipe.data.hold_out == ("nli", "sst2")
    changed = load_recipe(
        None, [f"evaluate.tasks={written}", "evaluate.settings=bare,options", "evaluate.roles=dev test"]
    )
    assert changed.evaluate.tasks == ("nli", "sst2")
    assert list(changed.evaluate.settings) == ["bare", "options"]
    assert changed.evaluate.roles == ("dev", "test")


@pytest.mark.parametrize("written", ["[0, 2]", "0,2", "0 2"])
def test_lists_of_numbers_too(written):
    assert load_recipe(None, [f"evaluate.templates={written}"]).evaluate.templates == (0, 2)
    assert load_recipe(None, ["evaluate.templates=3"]).evaluate.templates == (3,)
    assert load_recipe(None, ["evaluate.templates=forward"]).evaluate.templates == "forward"


def test_paths_keep_their_commas():
    assert load_recipe(None, ["data.cards='my cards, new/one.yaml'"]).data.cards == ("my cards, new/one.yaml",)


@pytest.mark.parametrize(
    ("change", "meant"), [("hold_out=nli", "data.hold_out"), ("lr=1e-3", "train.lr"), ("rows=8", "evaluate.rows")]
)
def test_a_key_without_its_section_is_answered_with_it(change, meant):
    with pytest.raises(RecipeError, match=rf"--set {change}: .*unknown key; did you mean {meant}"):
        load_recipe(None, [change])


@pytest.mark.parametrize(
    "change",
    [
        "data.limit=-1",
        "data.limit=0",
        "data.rate_cap=0",
        "data.templates=-1",
        "data.seed=-1",
        "data.settings={options: .nan}",
        "data.settings={options: -1}",
        "data.settings={few: {shots: {count: -1}}}",
        "data.settings={few: {shots: {budget: 0}}}",
        "format.input_length=-1",
        "format.target_length=0",
        "train.steps=0",
        "train.lr=.nan",
        "train.lr=-1",
        "train.lr=.inf",
        "train.row_length=0",
        "train.warmup_steps=-1",
        "train.weight_decay=-0.1",
        "train.clip=.nan",
        "train.keep=0",
        "train.checkpoint_every=-1",
        "train.adapter={dropout: 7}",
        "train.adapter={rank: 0}",
        "evaluate.rows=-1",
        "evaluate.max_tokens=0",
        "evaluate.generate_rows=-1",
        "evaluate.templates=[-1]",
    ],
)
def test_every_number_has_its_range(change):
    key = change.partition("=")[0]
    with pytest.raises(RecipeError, match=rf"--set {re.escape(change)}: {key}\S*: Input should be"):
        load_recipe(None, ["train.steps=5", change])


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", ".hidden", "..", "a\\\\b"])
def test_a_name_cannot_lead_out_of_the_folder_of_runs(name):
    with pytest.raises(RecipeError, match="name: String should match"):
        load_recipe(None, [f"name='{name}'"])


def test_a_fault_in_a_change_names_the_change():
    with pytest.raises(RecipeError, match=r"--set train.lrr=3: train.lrr: unknown key; did you mean 'lr'\?"):
        load_recipe(None, ["train.lrr=3", "train.steps=1"])
    with pytest.raises(RecipeError, match="write KEY=VALUE"):
        load_recipe(None, ["train.steps"])


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'quickstart'"):
        load_recipe("quickstar")
