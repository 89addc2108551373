"""The harness itself runs what is exported, offline, and finds what openflan finds."""

import pytest

from openflan.api.evaluation import evaluate_recipe, tasks_to_measure
from openflan.api.export import export
from openflan.evaluation.metrics import Judged, metric

lm_eval = pytest.importorskip("lm_eval")


@pytest.fixture(scope="module", params=["eos", "newline"])
def both(request, recipe, tiny, tmp_path_factory):
    """Openflan's results, and the harness's by the name of its task."""
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    asked = recipe.replace(
        format={"join": request.param},
        evaluate={"tasks": ["sst2", "multirc", "common_gen"], "rows": 6, "templates": [0], "max_tokens": 8},
    )
    out = tmp_path_factory.mktemp("out")
    folder = export(asked, "lm-eval", out / "tasks", silent=True).folder
    ours = evaluate_recipe(asked, tiny, tasks_to_measure(asked), out / "eval", silent=True)
    theirs = lm_eval.simple_evaluate(
        model=HFLM(pretrained=str(tiny), device="cpu", dtype="float32", batch_size=1),
        tasks=["openflan"],
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
        bootstrap_iters=0,
    )
    return ours, theirs["results"]


def test_every_score_is_the_same_to_the_last_digit(both):
    ours, theirs = both
    rows = ours.prompts.to_pylist()
    compared = 0
    for name, found in theirs.items():
        mine = [row for row in rows if name.startswith(f"openflan_{row['dataset']}_options_test_{row['writer']}")]
        if not mine:
            continue
        line = mine[0]["metric"]
        scores = metric(line).scores(
            [Judged(row["choice"] or row["generated"], row["references"], row["options"], row["group"]) for row in mine]
        )
        for which, value in scores.items():
            assert found["acc,none"] * 100 == value if line == "accuracy" else found[f"{which},none"] == value
            compared += 1
    assert compared >= 4, "accuracy, two of MultiRC, and ROUGE"
