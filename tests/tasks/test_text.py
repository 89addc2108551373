"""Texts with holes: the fast path equals Jinja, values keep their types, and the sandbox holds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined, UndefinedError

from openflan.tasks.text import TextError, compile_text, compile_value, literal_text, names_in, readings, shown_names

JINJA = Environment(undefined=StrictUndefined, keep_trailing_newline=True)

pieces = st.lists(
    st.one_of(
        st.text(alphabet=st.characters(exclude_characters="{}%#", exclude_categories=("Cs",)), max_size=12),
        st.sampled_from(
            [
                "{{ a }}",
                "{{b}}",
                "{{- c -}}",
                "{{ a | upper }}",
                "{% if b %}x{% else %} y{% endif %}",
                "{# nothing #}",
                "{{ 'q' if c else 'r' }}",
            ]
        ),
    ),
    max_size=8,
).map("".join)
values = st.fixed_dictionaries(
    {"a": st.text(max_size=8), "b": st.one_of(st.integers(), st.none(), st.text(max_size=4)), "c": st.booleans()}
)


@given(pieces, values)
def test_compiled_text_equals_jinja(source: str, names: dict[str, Any]) -> None:
    assert compile_text(source)(names) == JINJA.from_string(source).render(names)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ choices }}", ["x", "y"]),
        (" {{ choices | length }}\n", 2),
        ("{{- choices[0] -}}", "x"),
        ("{{ choices == [] }}", False),
        ("{{ true }}", True),
        ("{{ choices[0] }} {{ choices[1] }}", "x y"),
        ("{{ result | upper }}", "R"),
        ("{{ range(3) | list }}", [0, 1, 2]),
        ("{{ '%}' ~ result }}", "%}r"),
        ("plain", "plain"),
    ],
)
def test_single_expression_keeps_its_type(source: str, expected: Any) -> None:
    assert compile_value(source)({"choices": ["x", "y"], "result": "r"}) == expected


expressions = st.recursive(
    st.sampled_from(["text", "other", "listed", "pair.en", "gone", "number"]),
    lambda inner: st.one_of(
        inner.map("{}.strip()".format),
        inner.map("{}.split()".format),
        inner.map("{}.replace('a', 'b')".format),
        inner.map("({} | join(' '))".format),
        inner.map("(not {})".format),
        inner.map("({} == 'a')".format),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} or {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} and {two[1]})"),
    ),
    max_leaves=4,
)


@given(expressions, st.text(alphabet="ab \n", max_size=6), st.text(alphabet="a b", max_size=4))
def test_values_equal_jinjas(expression: str, text: str, other: str) -> None:
    names = {"text": text, "other": other, "listed": [text, other], "pair": {"en": text}, "number": 3}
    try:
        expected = JINJA.compile_expression(expression, undefined_to_none=False)(**names)
        assert not isinstance(expected, StrictUndefined)
        compiled = compile_value("{{ " + expression + " }}")(names)
    except (UndefinedError, AssertionError, TypeError):
        with pytest.raises(TextError):
            compile_value("{{ " + expression + " }}")(names)
    except TextError:
        # `join` of anything but a list has a meaning in Jinja that no card relies on.
        assert "join" in expression
    else:
        assert compiled == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ ''['__class__'] }}",
        "{{ '' | attr('__class__') }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ '{0.__class__.__mro__}'.format('') }}",
        "{{ (().__class__.__base__.__subclasses__()) | list }}",
        "x{% for part in ().__class__.__bases__ %}{{ part }}{% endfor %}",
        "{{ range(10000000) | list }}",
    ],
)
@pytest.mark.parametrize("compiler", [compile_text, compile_value])
def test_sandbox_refuses_tricks(source: str, compiler: Any) -> None:
    with pytest.raises(TextError):
        print(compiler(source)({}))


@pytest.mark.parametrize("compiler", [compile_text, compile_value])
@pytest.mark.parametrize("source", ["{{ gone }}", "a {{ gone }}", "{{ here.gone }}", "{{ gone | upper }}"])
def test_undefined_name_is_an_error(source: str, compiler: Any) -> None:
    with pytest.raises(TextError):
        compiler(source)({"here": "x"})


def test_undefined_entry_of_a_list_is_an_error() -> None:
    with pytest.raises(TextError, match="undefined"):
        compile_value("{{ [here, gone] }}")({"here": "x"})


@pytest.mark.parametrize("source", ["{{ number | join }}", "{{ number + 'x' }}", "{{ 1 // zero }}", "a{{ number[0] }}"])
def test_whatever_an_expression_raises_is_a_text_error(source: str) -> None:
    for compiler in (compile_text, compile_value):
        with pytest.raises(TextError):
            compiler(source)({"number": 3, "zero": 0})


@pytest.mark.parametrize("source", ["{{ a", "{% if a %}", "{{ }}", "{{ a b }}"])
def test_bad_syntax_says_the_line(source: str) -> None:
    for compiler in (compile_text, compile_value):
        with pytest.raises(TextError, match=r"line 2 of the text"):
            compiler("first line\n" + source)


def test_names_and_words() -> None:
    source = "{% if a == b %}Yes {{ c }}{% else %}no{% endif %} {{ 'x' if d else e }} end"
    assert names_in(source) == {"a", "b", "c", "d", "e"}
    assert shown_names(source) == {"c", "e"}
    assert literal_text(source, "_", block="|") == "|Yes _|no| _ end"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Is {{ a }} so?", ("Is □ so?",)),
        ("{{ a }} {{ b | upper }}{{ c[0] }}", ("□ □□",)),
        ("{% if a %}one{% elif b %}two{% else %}three{% endif %} {{ c }}", ("one □", "three □")),
        ("{{ 'Why' if a else 'How' }} so?", ("Why so?", "How so?")),
        ("So{{ ' much' if a }}", ("So much", "So")),
        ("{% if a %}all of it{% endif %}", ("all of it",)),
        ("{% for one in a %}- {{ one }}\n{% endfor %}", ("- □\n",)),
        ("Take {{ 'x ' ~ a }}: {{ quiet }}", ("Take x □: ",)),
        (" {{ quiet }}", ()),
    ],
)
def test_readings(source: str, expected: tuple[str, ...]) -> None:
    assert readings(source, frozenset({"quiet"})) == expected


@pytest.mark.parametrize(
    "source", ["{{ a | nosuch }}", "{{ a is nosuch }}", "{{ " + "(" * 5000 + "a" + ")" * 5000 + " }}"]
)
def test_a_text_that_cannot_be_compiled_is_a_text_error(source: str) -> None:
    with pytest.raises(TextError):
        compile_text(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10**10 }}",
        "{{ 'a' * 9999999999 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{% for x in range(99999) %}{{ x }}{% endfor %}",
        "{{ lipsum(10000000) }}",
        "{{ [1, 2] | random }}",
        "{{ rows.append(1) }}",
    ],
)
def test_a_strangers_text_stays_within_bounds(source: str) -> None:
    rows = [0]
    with pytest.raises(TextError):
        compile_text(source)({"rows": rows})
    assert rows == [0]
