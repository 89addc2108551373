"""Settings: the short forms of recipes, and the writers each stands for."""

import pytest
from pydantic import TypeAdapter, ValidationError

from openflan.data.mixture import Mixture, component
from openflan.data.rows import load_rows
from openflan.data.settings import PRESETS, Setting, Settings
from openflan.data.sources import parse_source
from openflan.tasks.registry import load_catalog

CATALOG = load_catalog()
SAMPLES = parse_source("samples")
RTE, SAMSUM = (CATALOG.tasks(name)[0] for name in ("rte", "samsum"))


def read(spec: object) -> dict[str, Setting]:
    return TypeAdapter(Settings).validate_python(spec)


def test_short_forms_are_spelled_out():
    assert read("bare") == read(["bare"]) == {"bare": PRESETS["bare"]}
    both = read({"options": 1, "bare": 3})
    assert [(name, one.options, one.weight) for name, one in both.items()] == [("options", True, 1), ("bare", False, 3)]
    few = read({"few": {"options": False, "shots": {"count": 4}}})["few"]
    assert (few.writers, few.options, few.shots.count) == ("templates", False, 4)
    assert read({"baseline": {"shots": {"count": 2}}})["baseline"].writers == "baseline"


@pytest.mark.parametrize(
    "spec", ["barre", {"mine": 1}, {}, {"bare": 0}, {"bare": float("nan")}, {"bare": {"shots": -1}}]
)
def test_what_is_no_setting_is_refused(spec: object):
    with pytest.raises(ValidationError):
        read(spec)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValidationError, match="did you mean 'bare'"):
        read("barre")


@pytest.mark.parametrize("task", [RTE, SAMSUM], ids=lambda task: task.name)
@pytest.mark.parametrize("name", PRESETS)
def test_every_setting_puts_a_task(task, name):
    example = load_rows(task, "test", SAMPLES).examples([0])[0]
    for writer in PRESETS[name].writers_of(task, forward_only=True):
        prompt = writer.write(example)
        assert prompt.input == prompt.input.strip()
        assert prompt.block == ("OPTIONS:" in prompt.input) == (name == "options" and bool(example.options))
        assert prompt.writer == writer.name
        assert len(prompt.options) == len(example.options)


def test_bare_prompts_are_those_with_the_block_less_the_block():
    example = load_rows(RTE, "test", SAMPLES).examples([0])[0]
    pairs = zip(*(PRESETS[name].writers_of(RTE, forward_only=True) for name in ("options", "bare")), strict=True)
    for shown, bare in pairs:
        if RTE.card.templates[int(shown.name)].bare is None:
            head, block, listed = shown.write(example).input.partition("OPTIONS:")
            assert (head.strip(), block, listed) == (bare.write(example).input, "OPTIONS:", "\n- yes\n- no")


def test_raw_fields_come_in_the_cards_order_and_names_before_them():
    example = load_rows(RTE, "test", SAMPLES).examples([0])[0]
    plain, name = (PRESETS[one].writers_of(RTE)[0].write(example).input for one in ("plain", "name"))
    assert plain == f"{example.fields['premise']}\n{example.fields['hypothesis']}"
    assert name == f"[Natural language inference: RTE]\n{plain}"


def test_a_mixture_draws_its_settings_by_weight_and_says_so():
    rows = load_rows(RTE, "train", SAMPLES)
    mixture = Mixture([component(rows, settings=read({"options": 1, "bare": 3}))])
    assert mixture.shares()[0].settings == {"options": 0.25, "bare": 0.75}
    prompts = [prompt for prompt in mixture.prompts(0, 2000) if not prompt.inverted]
    shown = sum(prompt.block for prompt in prompts) / len(prompts)
    assert 0.2 < shown < 0.3
    assert mixture.fingerprint != Mixture([component(rows)]).fingerprint
