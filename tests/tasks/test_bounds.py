"""Texts of strangers end: each of these would take for ever, or all memory there is, if it were just run."""

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from openflan.errors import CardError
from openflan.tasks.bounds import FUEL, size
from openflan.tasks.text import TextError, compile_text, compile_value

GROWING = (
    "{{% set ns = namespace(x={start}) %}}"
    "{{% for i in range(60) %}}{{% set ns.x = {step} %}}{{% endfor %}}{{{{ ns.x }}}}"
)
LOOPS = "{% for a in range(999) %}" * 3 + "BODY" + "{% endfor %}" * 3


@pytest.mark.parametrize(
    "source",
    [
        LOOPS.replace("BODY", ""),
        LOOPS.replace("BODY", "{{ a }}"),
        "{% for a in range(999) %}{% for b in range(999) %}" + "words " * 1000 + "{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
        "{% for a in [[1]] recursive %}{{ loop([[1]]) }}{{ loop([[1]]) }}{% endfor %}",
        GROWING.format(start="'a'", step="ns.x ~ ns.x"),
        GROWING.format(start="'a'", step="ns.x + ns.x"),
        GROWING.format(start="'a'", step="ns.x * 99"),
        GROWING.format(start="['a']", step="ns.x * 9"),
        GROWING.format(start="['a']", step="[ns.x, ns.x]"),
        GROWING.format(start="'aa'", step="ns.x.replace('a', 'aa')"),
        GROWING.format(start="'aa'", step="ns.x | replace('', ns.x)"),
        GROWING.format(start="'aa'", step="ns.x.join([ns.x, ns.x])"),
        GROWING.format(start="'aa'", step="[ns.x, ns.x] | join(ns.x)"),
        GROWING.format(start="'aa'", step="ns.x | list | join(ns.x)"),
        GROWING.format(start="['aa']", step="[ns.x, ns.x] | string"),
        GROWING.format(start="['aa']", step="[ns.x, ns.x] | tojson"),
        GROWING.format(start="['aa']", step="[ns.x, ns.x, ns.x == ns.x]"),
        GROWING.format(start="99", step="ns.x * ns.x"),
        GROWING.format(start="namespace()", step="dict(a=ns.x, b=ns.x)"),
        "{% set x %}{{ text }}{{ text }}{% endset %}" * 60 + "{% for a in range(999) %}{{ x ~ x ~ x }}{% endfor %}",
        "{{ 'a' * 10**10 }}",
        "{{ 'a' | center(999999999) }}",
        "{{ 'a'.ljust(999999999) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ '{:999999999}'.format(1) }}",
        "{{ '\t'.expandtabs(999999999) }}",
        "{{ 'a\n' | indent(999999999, true) }}",
        "{{ (1).to_bytes(999999999, 'big') }}",
        "{{ 1 | round(999999999, 'ceil') }}",
        "{{ [1] | batch(999999999, 'x') | list }}",
        "{{ [1] | slice(999999999) | list }}",
        "{{ [1] | tojson(indent=999999999) }}",
        "{{ [[1]] * 999 | sum(start=[]) }}",
        "{{ lipsum(10000000) }}",
        "{{ range(999999999) | list }}",
        "{{ text" + " | upper" * 20_000 + " }}",
        "{{ ''" + " + 'a'" * 20_000 + " }}",
        "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
        "{{ 'aaaaaaaa'" + ".replace('a', 'aaaaaaaaaaaaaaaa')" * 20 + " }}",
        "{{ 'a a'" + ".split() | join('a a a a a a a ')" * 40 + " }}",
        "{{ text }}" * 100_000,
    ],
)
def test_endless_and_exploding_texts_end_in_a_sentence_within_seconds(source: str) -> None:
    began = time.process_time()
    with pytest.raises((CardError, TextError)) as told:
        compile_text(source)({"text": "x" * 10_000})
    assert time.process_time() - began < 5
    assert str(told.value)


def test_an_exploding_text_takes_little_memory() -> None:
    text = compile_text(GROWING.format(start="'aaaaaaaaaaaaaaaa'", step="ns.x ~ ns.x"))
    tracemalloc.start()
    with pytest.raises(CardError, match="does not end, or makes more than a text may"):
        text({})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * FUEL


def test_a_value_is_bounded_as_a_text_is() -> None:
    with pytest.raises(CardError):
        compile_value("{{ text | list | join(text) }}")({"text": "x" * 100_000})


def test_the_bound_grows_with_the_row() -> None:
    text = compile_text("{% for one in parts %}{{ loop.index }}. {{ one.strip() | upper }}\n{% endfor %}")
    parts = [f"part {number} " * 10 for number in range(20_000)]
    assert text({"parts": parts}).count("\n") == len(parts)


@pytest.mark.parametrize(("value", "least"), [("abc", 3), (["abc", ["de"]], 5), ({"a": "bc"}, 3), (2**4000, 1000)])
def test_size_counts_characters_and_parts(value: object, least: int) -> None:
    assert least <= size(value) <= least + 100


def test_size_counts_what_stands_in_several_places_each_time() -> None:
    value: list[object] = ["a"]
    for _ in range(200):
        value = [value, value]
    assert size(value) > FUEL


PLAIN = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
parts = st.sampled_from(
    [
        "{{ a }}", "{{ a | upper }}",
        "{% for one in b %}{{ loop.index }}{{ one }}{% if not loop.last %}, {% endif %}{% endfor %}",
        "{{ b | join('; ') }}", "{{ b | length }}", "{{ a ~ '-' ~ b[0] }}", "{{ a[1:] }}", "{{ a.replace('x', 'yy') }}",
        "{% set c = a + '!' %}{{ c }}", "{{ 'yes' if 'x' in a else 'no' }}", "{{ (b | length) * 2 % 3 }}", " text\n",
        "{% macro m(t) %}<{{ t }}>{% endmacro %}{{ m(a) }}", "{{ b | map('upper') | select | list | join }}",
        "{% for one in b if one != a %}{{ one }}{% else %}none{% endfor %}", "{{ {'k': a}.k }}",
        "{{ b | sort | first | default('') }}",
    ]
)  # fmt: skip


@given(
    st.lists(parts, min_size=1, max_size=4),
    st.text("xyz ", max_size=5),
    st.lists(st.text("xyz", min_size=1), min_size=1),
)
def test_a_bounded_text_reads_as_jinja_would_have_it(pieces: list[str], a: str, b: list[str]) -> None:
    source = "".join(pieces)
    assert compile_text(source)({"a": a, "b": b}) == PLAIN.from_string(source).render(a=a, b=b)
