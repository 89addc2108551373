"""The T0 row and the Flan Collection's mixing, end to end on tiny models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from foreign_folders import TEMPLATES, save_natural_instructions, save_promptsource
from tiny_folder import save_tiny_model, save_tiny_t5

import openflan as of
from openflan.api.data import load_mixture
from openflan.recipe import load_recipe


@pytest.fixture(scope="module")
def t0_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the recipe `t0`, cut short, with a tiny T5."""
    place = tmp_path_factory.mktemp("t0")
    recipe = load_recipe("t0").replace(
        model={"path": str(save_tiny_t5(place / "t5"))},
        data={"source": "samples", "cards": [f"promptsource:{save_promptsource(place / 'promptsource')}"]},
        format={"input_length": 200, "target_length": 40},
        train={"steps": 2, "tokens_per_step": 512, "row_length": 256, "checkpoint_every": 0},
        evaluate={"tasks": ["copa", "rte"], "rows": 6},
    )
    of.run(recipe, place / "run", silent=True)
    return place / "run"


def test_the_row_has_median_and_quartiles_of_the_original_tasks_prompts(t0_run: Path):
    row = json.loads((t0_run / "summary.json").read_text(encoding="utf-8"))["t0"]
    assert list(row) == ["rte", "copa"]
    for model in ("tuned", "untuned"):
        copa = row["copa"][model]
        assert set(copa["prompts"]) == {"first", "second", "cause"}
        assert copa["low"] <= copa["median"] <= copa["high"]
        assert copa["median"] == sorted(copa["prompts"].values())[1]
        assert copa["iqr"] == pytest.approx(copa["high"] - copa["low"])


def test_the_row_stands_on_the_page_beside_the_printed_columns(t0_run: Path, browser: Any):
    page = browser.new_page()
    page.goto((t0_run / "report.html").as_uri())
    table = page.locator("#t0 table")
    heads = table.locator("th[scope=col]").all_inner_texts()
    assert heads == ["T5-LM 11B", "T0-3B", "T0 11B", "T0+ 11B", "T0++ 11B"]
    copa = table.locator("tr", has_text="copa").locator("td.printed").all_inner_texts()
    assert copa == ["55.0ᴿ (54.9ᴿ)", "– (75.9)", "90.8? (90.0?)", "93.9ᴿ (92.2ᴿ)", "93.8ᴿ (93.7ᴿ) †"]
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.close()


def test_t0_trains_on_its_mixture_alone_at_its_rates(t0_run: Path):
    mixture = json.loads((t0_run / "mixture.json").read_text(encoding="utf-8"))
    (mrpc,) = mixture["datasets"]
    assert (mrpc["name"], mrpc["rate"]) == ("p3_glue_mrpc", len(TEMPLATES["glue/mrpc"]) * mrpc["rows"])


def test_t0s_larger_mixtures_lose_what_is_measured(tmp_path: Path):
    cards = (f"promptsource:{save_promptsource(tmp_path)}",)
    recipe = load_recipe("t0", ["data.tasks=t0++", "data.source=samples"]).replace(data={"cards": cards})
    view = load_mixture(recipe.data, silent=True)
    assert [part.rows.task.name for part in view.mixture.parts] == ["p3_glue_mrpc"]
    assert "copa" in view.left_out["p3_super_glue_copa"]
    own = recipe.replace(data={"hold_out": ["rte"]})
    assert {part.rows.task.name for part in load_mixture(own.data, silent=True).mixture.parts} == {
        "p3_glue_mrpc",
        "p3_super_glue_copa",
    }


def test_one_recipe_mixes_catalog_p3_natural_instructions_and_reasoning(tmp_path: Path):
    folders = save_promptsource(tmp_path / "ps"), save_natural_instructions(tmp_path / "ni")
    recipe = load_recipe("flan_v2").replace(
        model={"path": str(save_tiny_model(tmp_path / "tiny"))},
        data={"cards": ["cot", f"promptsource:{folders[0]}", f"natural-instructions:{folders[1]}"]},
        format={"join": "eos", "input_length": 120, "target_length": 60},
        train={"tokens": 1024, "tokens_per_step": 512, "row_length": 256, "warmup_steps": 0, "checkpoint_every": 0},
        evaluate={"tasks": ["rte"], "seen": ["cot:strategyqa", "copa"], "rows": 2, "max_tokens": 4, "templates": [0]},
    )
    done = of.run(recipe, tmp_path / "run", silent=True)
    mixture = json.loads((tmp_path / "run" / "mixture.json").read_text(encoding="utf-8"))
    shares: dict[str, float] = {}
    for one in mixture["datasets"]:
        shares[one["submixture"]] = shares.get(one["submixture"], 0) + one["probability"]
    assert shares == pytest.approx(
        {"flan": 0.40 / 0.97, "t0": 0.32 / 0.97, "niv2": 0.20 / 0.97, "cot": 0.05 / 0.97}, abs=0.01
    )
    measured = {task.name for task in done.evaluations["tuned"].summary("options").tasks}
    assert measured == {"rte", "cot:strategyqa", "copa"}
