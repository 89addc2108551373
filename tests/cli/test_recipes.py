"""Recipes can be listed, read and made one's own."""

from openflan.cli import main
from openflan.recipe import load_recipe, packaged_recipes


def test_every_recipe_is_listed_with_what_it_does(capsys):
    assert main(["recipes"]) == 0
    printed = capsys.readouterr().out
    for name in packaged_recipes():
        assert name in printed
        assert load_recipe(name).description in printed


def test_a_recipe_is_printed_with_its_comments(capsys):
    assert main(["recipes", "quickstart"]) == 0
    assert capsys.readouterr().out == packaged_recipes()["quickstart"].read_text(encoding="utf-8")


def test_a_copy_is_the_same_recipe_and_never_replaces_a_file(tmp_path, capsys):
    target = tmp_path / "mine.yaml"
    assert main(["recipes", "--copy", "quickstart", "--out", str(target)]) == 0
    assert load_recipe(target).train == load_recipe("quickstart").train
    assert main(["recipes", "--copy", "quickstart", "--out", str(target)]) == 1
    assert "is there already" in capsys.readouterr().err


def test_a_wrong_name_is_told(capsys):
    assert main(["recipes", "quickstrt"]) == 1
    assert "did you mean 'quickstart'" in capsys.readouterr().err
