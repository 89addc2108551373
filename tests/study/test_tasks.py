"""What was trained on is never called unseen, however it came to be measured."""

import pytest

from openflan.errors import RecipeError
from openflan.recipe import make_recipe
from openflan.study.tasks import measured_tasks


def names(tasks):
    return [task.name for task in tasks]


def test_what_is_held_out_is_measured_when_nothing_is_named():
    found = measured_tasks(make_recipe(data={"tasks": ["commonsense"], "hold_out": "sentiment"}))
    assert names(found.held_out) == ["imdb", "sentiment140", "sst2", "yelp_polarity"]
    assert not found.seen
    assert not found.other


def test_a_task_is_called_what_the_selection_makes_it():
    recipe = make_recipe(
        data={"tasks": ["commonsense", "qqp"], "hold_out": "sentiment"},
        evaluate={"tasks": ["sst2", "copa", "rte"], "seen": ["qqp"]},
    )
    found = measured_tasks(recipe)
    assert names(found.held_out) == ["sst2"]
    assert sorted(names(found.seen)) == ["copa", "qqp"]
    assert names(found.other) == ["rte"]


def test_what_is_too_close_to_the_held_out_counts_as_held_out():
    recipe = make_recipe(data={"tasks": ["flan62"], "hold_out": "nli"}, evaluate={"tasks": ["qqp"]})
    assert names(measured_tasks(recipe).held_out) == ["qqp"]


def test_training_on_the_held_out_all_the_same_makes_it_seen():
    recipe = make_recipe(
        data={"tasks": ["sst2"], "hold_out": "sentiment", "allow_overlap": True}, evaluate={"tasks": ["sst2", "imdb"]}
    )
    found = measured_tasks(recipe)
    assert (names(found.seen), names(found.held_out)) == (["sst2"], ["imdb"])


def test_one_dataset_can_be_left_out_alone():
    data = {"tasks": ["sentiment"], "hold_out": "sst2", "hold_out_rule": "dataset", "allow_overlap": False}
    with pytest.raises(Exception, match="sst2 is held out"):
        measured_tasks(make_recipe(data={**data, "tasks": ["sentiment", "sst2"]}))
    assert names(measured_tasks(make_recipe(data=data)).held_out) == ["sst2"]
    found = measured_tasks(make_recipe(data={**data, "tasks": ["flan62"]}, evaluate={"seen": ["imdb"]}))
    assert (names(found.held_out), names(found.seen)) == (["sst2"], ["imdb"])


def test_a_seen_task_that_is_not_trained_on_is_refused():
    with pytest.raises(RecipeError, match="sst2, which the mixture does not train on"):
        measured_tasks(make_recipe(data={"tasks": ["copa"]}, evaluate={"seen": ["sst2"]}))
