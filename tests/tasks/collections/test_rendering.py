"""promptsource's dialect: what a template may do, what it gives, and what it may not."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.errors import CardError
from openflan.tasks.collections.rendering import CUT, columns_in, compile_prompt
from openflan.tasks.text import TextError


def first(values):
    return values[0]


def render(jinja, row=None, choices=None, cut=None, draw=first):
    return compile_prompt(jinja, choices, cut)(row or {}, draw)


def test_two_parts_are_a_prompt_and_their_edges_are_stripped():
    assert render(" Is it {{ a }}? \n||| {{ answer_choices[1] }} ", {"a": 1}, "yes ||| no ") == (
        "Is it 1?",
        "no",
        ("yes", "no"),
    )


@pytest.mark.parametrize("jinja", ["{% if a %}in ||| out{% endif %}", "no mark", "a ||| b ||| c", ""])
def test_any_other_number_of_parts_is_no_prompt(jinja):
    assert render(jinja, {"a": False}) is None


def test_the_mark_may_come_out_of_a_loop():
    assert render("{% for one in a %}{{ one }} {% if loop.first %}|||{% endif %}{% endfor %}", {"a": ["x", "y"]}) == (
        "x",
        "y",
        None,
    )


@given(st.text(st.sampled_from("ab| \n"), max_size=12), st.text(st.sampled_from("ab|"), max_size=9))
def test_a_mark_in_a_row_parts_nothing(one, other):
    parts = render("{{ one }}>|||<{{ other }}", {"one": one, "other": other}, "{{ other }}#|||x")
    assert (parts.input, parts.target, parts.choices) == (f"{one}>".strip(), f"<{other}".strip(), (f"{other}#", "x"))


def test_what_is_undefined_is_empty():
    assert render("{{ nothing }}a ||| b{{ nothing }}") == ("a", "b", None)


def test_draws_come_from_the_caller_one_by_one():
    calls = count()
    found = render(
        "{{ a | choice }} {{ a | random }} ||| {{ a | choice }}", {"a": "xyz"}, draw=lambda values: values[next(calls)]
    )
    assert found == ("x y", "z", None)


def test_most_frequent_gives_all_modes():
    assert render("{{ a | most_frequent }} ||| x", {"a": ["p", "q", "q", "p", "r"]}).input == "['p', 'q']"


def test_a_template_may_change_what_it_has_but_no_row():
    row = {"a": ["x"]}
    assert (
        render("{% set b = [] %}{{ b.append(1) or '' }}{{ a.append('y') or '' }}{{ a }}{{ b }} ||| t", row).input
        == "['x', 'y'][1]"
    )
    assert row == {"a": ["x"]}


def test_printed_values_are_cut_at_whole_words():
    long = "word " * 1000
    parts = render("{{ a }}{{ a }} ||| {{ a }}", {"a": long.strip()}, cut=CUT)
    assert parts.target.endswith("word...") and CUT - 8 < len(parts.target) <= CUT
    assert len(parts.input) == 2 * len(parts.target)
    assert render("{{ a }} ||| b", {"a": long}).input == long.strip()


@pytest.mark.parametrize(
    "jinja",
    [
        "{{ a | nosuch }} ||| b",
        "{% if %}",
        "{{ ''.__class__.__mro__ }} ||| b",
        "{{ '%999999999d' | format(1) }} ||| b",
    ],
)
def test_what_cannot_be_is_a_text_error(jinja):
    with pytest.raises(TextError):
        render(jinja)


def test_a_column_cannot_be_called_like_the_choices():
    with pytest.raises(TextError, match="answer_choices"):
        render("a ||| b", {"answer_choices": []})


@pytest.mark.parametrize(
    "jinja",
    [
        "{% for a in range(999) %}{% for b in range(999) %}{{ 'x' * 900 }}{% endfor %}{% endfor %} ||| a",
        "{% set a = [] %}{% for b in range(9) %}{{ a.append(a) or '' }}{% endfor %} ||| a",
    ],
)
def test_what_does_not_end_is_refused(jinja):
    with pytest.raises(CardError, match="does not end"):
        render(jinja)


def test_the_columns_of_a_template():
    assert columns_in("{% for x in zip(a.b, range(3)) %}{{ x }}{{ answer_choices }}{% endfor %}", "{{ c }}") == {
        "a",
        "c",
    }
