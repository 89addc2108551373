"""Making prompts fit: the longest field gives way, instruction and OPTIONS block stay whole, targets are kept whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from openflan.data.encode import Encoder, Format
from openflan.data.example import Example
from openflan.data.fit import fit
from openflan.data.prompt import BaselineWriter, Prompt, TemplateWriter
from openflan.tasks.card import Card
from openflan.tasks.registry import Task

INPUT, TARGET = 60, 8
INSTRUCTION = "Read the text and say whether the claim holds ."


def encoder(**changes: Any) -> Encoder:
    """Tokens are characters of long words and whole short ones, so that tokens per character vary."""
    backend = Tokenizer(models.WordLevel({"<unk>": 0, "<eos>": 1}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split("z", "isolated")]
    )
    return Encoder(backend, Format(**({"input_length": INPUT, "target_length": TARGET} | changes)), eos=1)


def task(**changes: Any) -> Task:
    values = {
        "name": "toy",
        "title": "",
        "cluster": "nli",
        "licence": "",
        "citation": "",
        "metric": "accuracy",
        "sources": [{"columns": {"text": "string", "claim": "string"}}],
        "splits": {"train": "train"},
        "fields": ["text", "claim"],
        "options": {"a": "yes", "b": "it is not possible to tell"},
        "answer": "a",
        "baseline": {"input": "{{ text }} question: {{ claim }} answer:"},
        "templates": [{"input": f"{INSTRUCTION}\n{{{{ text }}}}\n{{{{ claim }}}}\n\n{{{{ options_ }}}}"}],
    }
    return Task(Card.model_validate(values | changes))


def prompt(text: str, claim: str = "so it is", answer: str = "yes", number: int | None = 0) -> Prompt:
    toy = task()
    options = () if answer not in ("yes", "it is not possible to tell") else ("yes", "it is not possible to tell")
    example = Example(toy, 0, {"text": text, "claim": claim}, options or ("yes",), answer, (answer,))
    return (BaselineWriter(toy) if number is None else TemplateWriter(toy, number)).write(example)


@given(
    st.lists(st.sampled_from(["a", "word", "zzzzzz", "longerword", "zz z"]), min_size=40, max_size=200).map(" ".join)
)
def test_long_input_is_shortened_in_its_longest_field(text: str) -> None:
    long = prompt(text)
    (fitted,) = fit([long], encoder())
    shorter, encoded = fitted.prompt, fitted.encoded
    if shorter == long:
        assert not fitted.shortened
        return
    assert encoded is not None
    assert encoded.start <= INPUT
    assert fitted.shortened
    start, middle, *end = shorter.input.split("\n", 2)
    assert start == INSTRUCTION
    assert end == [long.input.split("\n", 2)[2]]
    assert middle.endswith(" …")
    assert text.startswith(middle.removesuffix(" …"))
    assert (shorter.target, shorter.options) == (long.target, long.options)


def test_what_fits_is_left_alone() -> None:
    short = prompt("a few words")
    (fitted,) = fit([short], encoder())
    assert fitted.prompt == short
    assert not fitted.reason
    assert not fitted.shortened


def test_the_shorter_field_stays_whole_over_several_cuts() -> None:
    # The end of the text is where its tokens are; the first cuts, judged by the average, are too small.
    text = " ".join(["longlonglongword"] * 30 + ["zzzzzzzz"] * 8)
    claim = "this claim has some words of its own"
    (fitted,) = fit([prompt("z" * 30 + " " + text, claim)], encoder())
    assert claim in fitted.prompt.input


def test_baseline_is_shortened_too() -> None:
    (fitted,) = fit([prompt("word " * 200, number=None)], encoder())
    assert fitted.prompt.writer == "baseline"
    assert fitted.prompt.input.endswith("… question: so it is answer:")


def test_over_long_target_is_not_used_or_cut() -> None:
    long, short = prompt("a", answer="word " * 50), prompt("b")
    refused, kept = fit([long, short], encoder())
    assert (refused.encoded, refused.reason) == (None, f"target over {TARGET} tokens")
    assert kept.encoded is not None
    cut, _ = fit([long, short], encoder(), "cut")
    whole = encoder().pairs([(long.input, long.target)])[0]
    assert cut.encoded == ([*whole.tokens[: whole.start + TARGET - 1], 1], whole.start)


@pytest.mark.parametrize("text", ["\u4e2d\u6587" * 100, "\u0e44\u0e17\u0e22" * 100, "ACGT" * 100])
def test_text_without_blanks_is_cut_where_the_budget_ends(text: str) -> None:
    backend = Tokenizer(models.WordLevel({"<unk>": 0, "<eos>": 1}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    letters = Encoder(backend, Format(input_length=200, target_length=TARGET), eos=1)
    (fitted,) = fit([prompt(text)], letters)
    assert fitted.encoded is not None
    assert 200 - 4 <= fitted.encoded.start <= 200


def test_input_that_cannot_be_made_to_fit_is_dropped_and_counted() -> None:
    (fitted,) = fit([prompt("a", claim="b")], encoder(input_length=5))
    assert (fitted.encoded, fitted.reason) == (None, "input over 5 tokens")


def test_prompt_without_its_example_is_dropped() -> None:
    (fitted,) = fit([Prompt("other", "0", 0, "word " * 100, "x")], encoder())
    assert fitted.reason == f"input over {INPUT} tokens"


@pytest.mark.parametrize("limit", [INPUT, INPUT - 1])
def test_the_limit_counts_the_closing_token(limit: int) -> None:
    words = "word " * 200
    (fitted,) = fit([prompt(words)], encoder(input_length=limit))
    encoded = encoder(input_length=limit).pairs([(fitted.prompt.input, fitted.prompt.target)])[0]
    assert encoded.start <= limit
