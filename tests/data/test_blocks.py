"""How the OPTIONS block looks: the paper's dashes, or drawn anew for every prompt."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from openflan.data.blocks import drawn_block
from openflan.data.prompt import TemplateWriter
from openflan.data.rows import load_rows
from openflan.data.settings import Setting
from openflan.data.sources import parse_source
from openflan.tasks.registry import load_catalog

SAMPLES = parse_source("samples")
RTE, HELLASWAG = (load_catalog().tasks(name)[0] for name in ("rte", "hellaswag"))


@settings(max_examples=30)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=40, unique=True), st.integers(0, 10**6))
def test_a_drawn_block_lists_every_option_once_and_each_has_an_answer_of_its_own(options: list[str], key: int):
    listing = drawn_block(options, key)
    assert all(option in listing.text for option in options)
    assert len(set(listing.answers)) == len(options)
    assert listing == drawn_block(options, key)


def test_blocks_are_drawn_from_many():
    listings = [drawn_block(("yes", "no"), key) for key in range(2000)]
    assert len({one.text.splitlines()[0] for one in listings}) == 16
    assert len({one.answers for one in listings}) == 1 + 4 * 4
    assert any(one.answers == ("yes", "no") for one in listings)


def test_an_item_with_a_name_is_answered_by_it_and_ranked_by_it():
    examples = load_rows(RTE, "train", SAMPLES).examples(range(16))
    writer = TemplateWriter(RTE, 0, block="drawn")
    prompts = [writer.write(example) for example in examples]
    named = [prompt for prompt in prompts if "yes" not in prompt.options]
    assert 0 < len(named) < len(prompts)
    for example, prompt in zip(examples, prompts, strict=True):
        assert prompt.options.index(prompt.target) == example.options.index(example.answer)
        assert prompt.references == (prompt.target,)
        assert prompt.target in prompt.input
        assert prompt == writer.write(example)


def test_a_row_looks_otherwise_under_another_seed_and_template():
    (example,) = load_rows(HELLASWAG, "train", SAMPLES).examples([0])
    ways = [Setting(block="drawn", seed=seed).writers_of(HELLASWAG)[0].write(example).input for seed in range(8)]
    assert len(set(ways)) > 4


def test_what_asks_for_something_else_keeps_its_target():
    drawn_way, plain = Setting(block="drawn"), Setting()
    (example,) = load_rows(RTE, "train", SAMPLES).examples([0])
    for drawn, dashes in zip(drawn_way.writers_of(RTE), plain.writers_of(RTE), strict=True):
        if drawn.inverted:
            assert drawn.write(example).target == dashes.write(example).target
