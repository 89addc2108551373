"""Studies are read, changed and refused, and those that come with openflan are the paper's."""

from itertools import pairwise

import pytest

from openflan.data.mixture import RATE_CAP
from openflan.data.select import DataConfig, make_mixture, select, training_rows
from openflan.errors import RecipeError
from openflan.study.cells import all_units, expand
from openflan.study.spec import load_study, merged, packaged_studies

ENTAILMENT = {"anli", "cb", "mnli", "qnli", "rte", "snli", "wnli"}
PARAPHRASE = {"mrpc", "qqp", "paws", "stsb"}
READING = {"boolq", "drop", "multirc", "openbookqa", "squad"}
COMMON_SENSE = {"copa", "hellaswag", "piqa", "story_cloze"}
BOTH = {"cosmos_qa", "record"}
DROPPED = {
    "nli": ENTAILMENT | PARAPHRASE,
    "paraphrase": ENTAILMENT | PARAPHRASE,
    "reading_comprehension": READING | BOTH,
    "rc_commonsense": READING | COMMON_SENSE | BOTH,
    "commonsense": COMMON_SENSE | BOTH,
    "closed_book_qa": {"arc", "nq_open", "trivia_qa"},
    "sentiment": {"imdb", "sentiment140", "sst2", "yelp_polarity"},
    "coreference": {"dpr", "winogrande", "wsc", "wsc273"},
    "translation": {
        "wmt14_enfr", "para_crawl_enes", *(f"wmt16_{pair}en" for pair in ("cs", "de", "fi", "ro", "ru", "tr")),
    },
    "struct_to_text": {"common_gen", "dart", "e2e_nlg", "web_nlg"},
}  # fmt: skip
"""What the released code trains on in none of a split's tasks, by the cluster that is tested."""


def large(name, tiny_model, *changes):
    model = [f"model.path={tiny_model}"] if name != "scale" else [f"axes.model.values=[{tiny_model}]"]
    study = load_study(name, ["dial=large", "data.source=samples", *model, *changes])
    return study, expand(study)


@pytest.mark.parametrize("dial", ["small", "large"])
@pytest.mark.parametrize("name", sorted(packaged_studies()))
def test_every_study_expands_at_every_dial(name, dial, tiny_model):
    model = f"model.path={tiny_model}" if name != "scale" else f"axes.model.values=[{tiny_model}]"
    cells = expand(load_study(name, [f"dial={dial}", model, "format.join=eos"]))
    assert cells
    for cell in cells:
        trained = {task for unit in cell.units if unit.kind == "training" for task in unit.recipe.data.tasks}
        assert trained
        if name not in ("supervised", "prompt_tuning"):  # which train on the measured dataset's own training rows
            measured = {task for unit in cell.units if unit.kind == "evaluation" for task in unit.recipe.evaluate.tasks}
            assert not trained & measured


def test_the_matrix_drops_what_the_released_code_drops(tiny_model):
    _, cells = large("matrix", tiny_model)
    everything = {task.card.name for task in select(DataConfig(tasks=("flan62", "wsc"))).train}
    for cell in cells:
        (training,) = [unit for unit in cell.units if unit.kind == "training"]
        kept = {name.partition(":")[0] for name in training.recipe.data.tasks}
        assert everything - kept == DROPPED[cell.at["held_out"]] & everything, cell.name


def test_ten_clusters_take_nine_trainings(tiny_model):
    _, cells = large("matrix", tiny_model)
    trainings = {unit.id: unit for unit in all_units(cells) if unit.kind == "training"}
    assert (len(cells), len(trainings)) == (10, 9)
    by_cluster = {cell.at["held_out"]: cell.training for cell in cells}
    assert by_cluster["nli"] == by_cluster["paraphrase"]
    shared = trainings[by_cluster["nli"].partition("/")[2]]
    assert set(shared.recipe.data.hold_out) == {"nli", "paraphrase"}


def test_clusters_come_in_the_order_of_their_size_and_the_control_keeps_the_number(tiny_model):
    study, cells = large("clusters", tiny_model)
    order = [study.axes["clusters"].values[str(number)]["data"]["tasks"] for number in range(1, 8)]
    assert order[-1] == [
        "summarization", "translation", "reading_comprehension", "sentiment", "struct_to_text", "coreference",
        "conversational_qa",
    ]  # fmt: skip
    assert all(longer[:-1] == shorter for shorter, longer in pairwise(order))
    counts = {"all of each cluster": [], "fixed number": []}
    for cell in cells:
        data = cell.recipe.data
        parts = make_mixture(data, training_rows(data, select(data).train)).parts
        counts[cell.at["amount"]].append((len(parts), len({part.rows.task.card.kind for part in parts})))
    assert [kinds for _, kinds in counts["fixed number"]] == [1, 2, 3, 4, 5, 6, 7]
    assert {datasets for datasets, _ in counts["fixed number"]} == {11}
    grown = [datasets for datasets, _ in counts["all of each cluster"]]
    assert grown == sorted(set(grown))


def test_untuned_scores_are_shared_by_all_cells_that_ask_the_same(tiny_model):
    _, cells = large("templates", tiny_model)
    assert len({cell.evaluations["untuned"] for cell in cells}) == 1
    assert len({cell.evaluations["tuned"] for cell in cells}) == len(cells) == 20


def test_supervised_cells_start_from_either_model(tiny_model):
    _, cells = large("supervised", tiny_model)
    by_start = {cell.at["start"]: cell for cell in cells if cell.at["dataset"] == "rte"}
    trainings = {start: [one for one in cell.units if one.kind == "training"] for start, cell in by_start.items()}
    assert [one.start for one in trainings["the untuned model"]] == [None]
    first, own = trainings["the tuned model"]
    assert own.start == first.id
    assert not {"rte", "mrpc"} & set(first.recipe.data.tasks)
    assert own.recipe.data.tasks == ("rte",)
    assert by_start["the untuned model"].evaluations["untuned"] == by_start["the tuned model"].evaluations["untuned"]


def test_several_seeds_are_several_trainings_and_one_untuned_model(study_file):
    cells = expand(load_study(study_file, ["seeds=[0, 1]"]))
    assert len(cells) == 12
    assert len({cell.training for cell in cells}) == 12
    assert len({cell.evaluations["untuned"] for cell in cells}) == 1


def test_trainings_that_read_the_same_rows_share_them(study_file):
    cells = expand(load_study(study_file, ["axes.lr={sets: train.lr, values: [0.1, 0.2]}"]))
    rows = {unit.rows for unit in all_units(cells) if unit.kind == "training"}
    assert len(rows) == 6 and None not in rows
    assert all([unit.kind for unit in cell.units].index("rows") < [unit.kind for unit in cell.units].index("training")
               for cell in cells)  # fmt: skip


def test_what_has_no_part_in_the_outcome_has_none_in_the_hash(study_file):
    one, other = (
        expand(load_study(study_file, changes)) for changes in ([], ["train.checkpoint_every=2", "train.keep=1"])
    )
    assert [cell.training for cell in one] == [cell.training for cell in other]
    changed = expand(load_study(study_file, [f"data.rate_cap={RATE_CAP - 1}"]))
    assert not {cell.training for cell in one} & {cell.training for cell in changed}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("dial=huge", "there is no 'huge'"),
        ("train.stesp=3", "cell options-1: train.stesp: unknown key; did you mean 'steps'"),
        ("axes.templates.values=[]", "at least one value"),
        ("figures=[{kind: heat, title: A, rows: [trianed]}]", "no axis is called 'trianed'; did you mean 'trained'"),
        ("axes.trained.values={options: 3}", "expected sections of a recipe"),
        ("base.tarin={steps: 1}", "tarin: no section of a recipe; did you mean 'train'"),
        ("evaluate.tasks=[nothing]", "nothing"),
    ],
)
def test_faults_are_named(study_file, change, said):
    changes = [change, *(["dials={small: {}}"] if "dial" in change else [])]
    with pytest.raises(Exception, match=said.replace("[", "\\[")):
        expand(load_study(study_file, changes))


def test_a_name_that_is_near_is_suggested():
    with pytest.raises(RecipeError, match="did you mean 'matrix'"):
        load_study("matrx")


def test_changes_are_put_over_each_other_section_by_section():
    below = {"data": {"tasks": ["a"], "seed": 1}, "first": {"data": {"tasks": ["b"]}}}
    assert merged(below, {"data": {"seed": 2}}, {"first": {"data": {"seed": 3}}}) == {
        "data": {"tasks": ["a"], "seed": 2}, "first": {"data": {"tasks": ["b"], "seed": 3}}
    }  # fmt: skip
    assert merged(below, {"first": None})["first"] is None
    assert merged(below, {"first": None}, {"first": {"train": {"lr": 1}}})["first"] == {"train": {"lr": 1}}


def test_a_saved_study_reads_back_as_it_was(tmp_path, tiny_model):
    study, cells = large("supervised", tiny_model)
    study.save(tmp_path / "study.yaml")
    again = expand(load_study(tmp_path / "study.yaml"))
    assert [(cell.name, [unit.place for unit in cell.units]) for cell in again] == [
        (cell.name, [unit.place for unit in cell.units]) for cell in cells
    ]
