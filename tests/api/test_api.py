"""The public interface: a newcomer's script on a tiny model, and what a person sees of each thing."""

import subprocess
import sys

import pytest
from tiny_folder import save_tiny_model

import openflan as of
from openflan.errors import RecipeError, UnknownNameError


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """What the script of a notebook leaves behind."""
    folder = tmp_path_factory.mktemp("api")
    model = str(save_tiny_model(folder / "tiny"))
    mix = of.mixture(["commonsense"], hold_out="sentiment", source="samples", silent=True)
    run = of.train(
        model, mix, tokens=1024, tokens_per_step=512, row_length=256, adapter=of.Lora(rank=2), out=folder / "nb",
        format=of.Format(join="eos", input_length=200, target_length=32), dtype="float32", silent=True,
    )  # fmt: skip
    asked = {"rows": 4, "templates": (0, 1), "generate": "none", "silent": True}
    before = of.evaluate(model, mix.held_out, format=of.Format(join="eos"), out=folder / "before", **asked)
    after = of.evaluate(run.model, mix.held_out, out=folder / "after", **asked)
    return mix, run, before, after


def test_a_script_trains_measures_and_compares(script):
    mix, run, before, after = script
    assert mix.held_out == ("imdb", "sentiment140", "sst2", "yelp_polarity")
    assert run.result.step == len(run.metrics) == 2
    assert [task.name for task in after.summary().tasks] == list(mix.held_out)
    comparison = of.compare(before, after)
    assert "Sentiment" in repr(comparison)
    assert comparison.plot().svg.startswith("<svg")


def test_a_tuned_model_is_asked_in_the_format_it_was_tuned_in(script):
    *_, after = script
    assert after.results.identity["format"]["join"] == "eos"
    assert after.results.identity["format"]["input_length"] == 200


def test_what_a_person_looks_at_shows_itself(script):
    mix, run, before, _ = script
    assert "commonsense" in repr(mix) and "<table>" in mix._repr_html_()
    assert "2 steps" in repr(run) and "<table>" in run._repr_html_()
    assert "sst2" in repr(before) and "sst2" in before._repr_html_()
    frame = before.to_pandas()
    assert list(frame["dataset"]) == list(mix.held_out)
    assert before.prompts.num_rows == 4 * 2 * 4
    assert list(mix.to_pandas()["dataset"]) == [share.name for share in mix.mixture.shares()]


def test_prompts_print_with_the_labelled_part_marked():
    prompts = of.show("copa", template=3)
    assert str(prompts).count("▶ ") == len(prompts) == 1
    assert "OPTIONS:" in str(prompts)
    assert "OPTIONS:" not in str(of.show("copa", template=3, bare=True))
    assert of.show("copa").to_pandas()["writer"].tolist() == [str(number) for number in range(10)]


def test_a_mixture_is_packed_for_a_model(script, tmp_path):
    mix, *_ = script
    packed = mix.pack(str(save_tiny_model(tmp_path / "tiny")), row_length=256, examples=64)
    assert packed.tokens.shape[1] == 256
    assert 0.5 < packed.fill <= 1
    assert "labelled" in repr(packed)


def test_a_recipe_is_changed_in_python():
    recipe = of.load_recipe("quickstart")
    changed = recipe.replace(train={"tokens": 4096}, data={"hold_out": "nli"}, name="other")
    assert (changed.train.tokens, changed.data.hold_out, changed.name) == (4096, ("nli",), "other")
    assert changed.train.lr == recipe.train.lr
    with pytest.raises(RecipeError, match=r"train\.lrr: unknown key; did you mean 'lr'"):
        recipe.replace(train={"lrr": 1})


def test_wrong_words_are_told():
    with pytest.raises(UnknownNameError, match="did you mean 'copa'"):
        of.show("copaa")
    with pytest.raises(UnknownNameError, match="use 0 to 9"):
        of.show("copa", template=12)
    with pytest.raises(RecipeError, match="hold_outt"):
        of.mixture("copa", hold_outt="nli")


def test_the_data_half_imports_no_torch():
    code = (
        "import sys, openflan as of; of.show('copa', template=0); of.mixture('copa', silent=True); "
        "print(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_every_public_name_is_there():
    assert all(getattr(of, name) for name in of.__all__)
