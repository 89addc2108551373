"""The linter on how templates are written: white space, likeness, plain words, scenes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.tasks.lint import CardFile, Finding, lint_card
from openflan.tasks.lint.style import SIMILAR, similarity, words

BLOCK = "\n\n{{ options_ }}"
PLAIN = [
    "Premise: {{ premise }}\nHypothesis: {{ hypothesis }}\nDoes the premise entail the hypothesis?",
    "{{ premise }}\n\nIs this true? {{ hypothesis }}",
    "Read and decide whether the second line follows.\n{{ premise }}\n{{ hypothesis }}",
    "If {{ premise }} is true, must {{ hypothesis }} be true as well?",
    "claim: {{ hypothesis }}\ntext: {{ premise }}\ncorrect?",
    "Can one conclude {{ hypothesis }} from what stands here: {{ premise }}",
    "{{ hypothesis }}\n\nCheck that statement against the passage below.\n\n{{ premise }}",
    "Given {{ premise }}, is it a true sentence to say {{ hypothesis }}?",
    "Q: {{ premise }} Then would {{ hypothesis }} be implied?\nA:",
    "Does A contradict B, or not?\nB: {{ hypothesis }}\nA: {{ premise }}",
]
"""Ten plain templates, all different."""


@pytest.fixture
def findings(make_card: Callable[..., Path]) -> Callable[..., list[Finding]]:
    """What the linter says of the small card with these templates, each given its OPTIONS block."""

    def lint(*inputs: str, **changes: Any) -> list[Finding]:
        templates = [{"input": f"{text}{BLOCK}"} for text in inputs]
        return lint_card(CardFile.read(make_card(templates=templates, **changes)))

    return lint


def codes(found: list[Finding]) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.template) for finding in found]


BOTH = "{{ premise }} {{ hypothesis }}"


@pytest.mark.parametrize(
    ("code", "inputs"),
    [
        ("FLN008", ["two  blanks " + BOTH]),
        ("FLN008", ["edge \nof a line " + BOTH]),
        ("FLN008", ["one\n indented " + BOTH]),
        ("FLN008", ["three\n\n\nlines " + BOTH]),
        ("FLN009", [r"line\nbreak " + BOTH]),
        ("FLN009", ["this &amp; that " + BOTH]),
        ("FLN009", ["one<br>two " + BOTH]),
        ("FLN010", [f"Say if the next one follows: {BOTH}", f"Find if the next one follows: {BOTH}"]),
        ("FLN011", [f"One two three four five {' '.join(end * 9)} {BOTH}" for end in ("abc", "def", "ghi")]),
    ],
)
def test_writing(code: str, inputs: list[str], findings: Callable[..., list[Finding]]) -> None:
    assert codes(findings(*inputs)) == [(code, len(inputs) - 1)]


def test_bare_form_is_read_too(make_card: Callable[..., Path]) -> None:
    template = {"input": f"Choose: {BOTH}{BLOCK}", "bare": f"two  blanks {BOTH}"}
    assert codes(lint_card(CardFile.read(make_card(templates=[template])))) == [("FLN008", 0)]


def test_ten_plain_templates(findings: Callable[..., list[Finding]]) -> None:
    assert findings(*PLAIN) == []


LONG = [
    f"Premise {name} holds, and what is asked here is put with a good many words, none of which is needed, so that "
    f"{' '.join(name * 15)} {BOTH}"
    for name in "vwxyz"
]


def test_five_long_templates_are_too_many(findings: Callable[..., list[Finding]]) -> None:
    assert codes(findings(*PLAIN[:6], *LONG[:4])) == []
    (finding,) = findings(*PLAIN[:5], *LONG)
    assert finding.code == "FLN030"
    assert finding.message.startswith("5 plain templates, fewer than 6: 0 play a scene")
    assert "5 have more than 25 words" in finding.message


def test_few_templates_need_not_be_plain(findings: Callable[..., list[Finding]]) -> None:
    assert findings(*LONG[:2]) == []


SCENES = [
    "I must know: is this true?",
    "You are a judge. Is this true?",
    "Imagine a witness. Is this true?",
    "School exam, part one: true?",
    "tell me if it's true",
]


@pytest.mark.parametrize("scene", SCENES)
def test_second_scene(scene: str, findings: Callable[..., list[Finding]]) -> None:
    assert codes(findings(PLAIN[0], f"{scene} {BOTH}")) == []
    assert codes(findings(f"What our editor asks, in short: {BOTH}", PLAIN[0], f"{scene} {BOTH}")) == [("FLN031", 2)]


@pytest.mark.parametrize(
    "text", ['Does "I am here" mean the US is meant?', "User: so?\nAssistant:", "Items i. and ii. below"]
)
def test_no_scene(text: str, findings: Callable[..., list[Finding]]) -> None:
    assert codes(findings(f"What our editor asks, in short: {BOTH}", f"{text} {BOTH}")) == []


SENTIMENT: dict[str, Any] = {"cluster": "sentiment", "options": {"entailed": "positive", "open": "negative"}}
NAMELESS = [f"{' '.join(letter * 7)} {BOTH}" for letter in "abcdefg"]


def test_task_without_its_words(findings: Callable[..., list[Finding]]) -> None:
    found = findings(*PLAIN[:5], *NAMELESS[:5])
    assert {finding.code for finding in found} == {"FLN030", "FLN032"}
    assert any(finding.message == "5 templates with a usual word of the task, fewer than 6" for finding in found)


def test_sentiment_must_be_called_so_now_and_then(findings: Callable[..., list[Finding]]) -> None:
    texts = [f"positive or negative? {' '.join(letter * 7)} {BOTH}" for letter in "abcdefghij"]
    (finding,) = findings(*texts, **SENTIMENT)
    assert (finding.code, finding.template) == ("FLN032", None)
    assert finding.message.startswith("0 of 10 templates have one of the words sentiment")
    named = [text.replace("positive or negative?", "Sentiment?") for text in texts[:4]]
    assert findings(*named, *texts[4:], **SENTIMENT) == []


def test_words_in_a_condition_count(findings: Callable[..., list[Finding]]) -> None:
    hidden = [
        text.replace(" " + BOTH, " {{ 'Is it true?' if premise else 'Does it follow?' }} " + BOTH) for text in NAMELESS
    ]
    assert findings(*PLAIN[:3], *hidden) == []


texts = st.lists(st.sampled_from(["{{ a }}", "{{ b | upper }}", "who", "Goes", "there?", "there"]), max_size=9).map(
    " ".join
)


@given(texts, texts)
def test_similarity_is_a_share(first: str, second: str) -> None:
    assert similarity(first, first) == 1
    assert 0 <= similarity(first, second) <= 1
    assert (similarity(first, second) == 1) == (words(first) == words(second))


def test_a_hole_is_one_word_whatever_stands_in_it() -> None:
    assert words("{{ a | replace('x', 'y z') }} It's {% if b %}so{% endif %}!") == ["□", "it's", "so"]
    assert similarity("Read {{ a }} now", "read {{ b }}: NOW!") == 1
    assert similarity("known: {{ a }} asked: {{ b }}", "Is {{ b }} what one may say after {{ a }}?") < SIMILAR


def test_a_cluster_of_ones_own_needs_no_usual_words(findings: Callable[..., list[Finding]]) -> None:
    plain = [text.replace("premise", "first").replace("hypothesis", "second") for text in PLAIN]
    fields = {"first": "{{ premise }}", "second": "{{ hypothesis }}"}
    assert "FLN032" not in {finding.code for finding in findings(*plain, cluster="tickets", fields=fields)}
