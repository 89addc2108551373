"""Prompts in the words of foreign templates."""

from __future__ import annotations

from collections import defaultdict

import pyarrow.parquet as pq
import pytest
from stand_in import save_stand_in

from openflan.data.example import ExampleReader
from openflan.data.fit import shorten
from openflan.data.foreign import foreign_writers
from openflan.data.mixture import Mixture, component
from openflan.data.rows import load_rows
from openflan.data.settings import Setting
from openflan.data.sources import parse_source
from openflan.errors import CardError, MissingRowsError
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task, load_catalog

NATIVE = {"premise": "{{ premise }}", "label": "{{ ['entailed', 'open'].index(label) }}"}
ROW = {"premise": "Ships sail.", "hypothesis": "they move", "label": "open"}


@pytest.fixture
def written(make_task):
    """The prompts that foreign templates make of one row; a template is its text, or its values."""

    def write(*templates, row=ROW, **settings):
        entries = [{"jinja": one} if isinstance(one, str) else one for one in templates]
        named = [{"name": f"t{number}", **entry} for number, entry in enumerate(entries)]
        task = make_task(foreign=named, native=NATIVE)
        example = ExampleReader(task, task.layouts[0]).read(row, 7)
        return [writer.write(example) for writer in foreign_writers(task, **settings)]

    return write


def test_a_template_sees_its_own_columns_and_ids(written):
    (prompt,) = written(
        {"jinja": "{{ premise }}{{ hypothesis }} ||| {{ answer_choices[label] }}", "choices": "a ||| b"}
    )
    assert (prompt.input, prompt.target, prompt.options, prompt.references) == ("Ships sail.", "b", ("a", "b"), ("b",))


def test_nothing_is_ranked_where_the_target_is_no_choice(written):
    prompts = written(
        {"jinja": "x ||| b.", "choices": "a ||| b"}, {"jinja": "x ||| b", "choices": "a ||| b", "inverted": True}
    )
    assert [prompt.options for prompt in prompts] == [(), ()]


def test_a_row_that_is_passed_over_is_counted_under_the_template(written):
    with pytest.raises(SkipRow, match="template 't0' gives nothing"):
        written("{% if label == 0 %}a ||| b{% endif %}")
    with pytest.raises(SkipRow, match="template 't0' gives nothing"):
        written("a ||| ")
    with pytest.raises(SkipRow, match="template 't0' fails"):
        written("{{ label.nothing.more }} ||| b")


def test_draws_belong_to_seed_and_row(written):
    jinja = "{{ range(1000) | list | choice }} {{ range(1000) | list | choice }} ||| a"
    (one,), (same,), (other,) = written(jinja), written(jinja), written(jinja, seed=1)
    assert one.input == same.input != other.input
    assert len(set(one.input.split())) == 2


def test_an_unknown_filter_names_the_template(make_task):
    with pytest.raises(CardError, match="template 'ask'"):
        foreign_writers(unchecked(make_task, "{{ a | nosuch }} ||| b"))


def unchecked(make_task, jinja):
    task = make_task(foreign=[{"name": "ask", "jinja": "a ||| b"}])
    (template,) = task.card.foreign
    return Task(task.card.model_copy(update={"foreign": [template.model_copy(update={"jinja": jinja})]}))


def test_a_long_value_is_shortened_and_the_words_stay(written, tmp_path):
    from openflan.data.encode import Format
    from openflan.model.encoder import encoder_for

    save_stand_in(tmp_path)
    encoder = encoder_for(next((tmp_path / "models").iterdir()), Format(input_length=64, target_length=16))
    (prompt,) = written("{{ premise }}\nDo they? ||| b", row={**ROW, "premise": "Ships sail. " * 99})
    (short,) = shorten([prompt], encoder)
    assert short.input.endswith("…\nDo they?") and len(short.input) < len(prompt.input)
    assert short.example is prompt.example


def test_settings_mix_the_catalogs_templates_and_foreign_ones(make_task, make_mirror, toy_rows):
    mirror = make_mirror(train=toy_rows(60), validation=toy_rows(20, 60))
    task = make_task(foreign=[{"name": "odd", "jinja": "{% if label %}{{ premise }} ||| b{% endif %}"}], native=NATIVE)
    rows = load_rows(task, "train", parse_source(f"mirror:{mirror}"))
    settings = {"options": Setting(), "p3": Setting("promptsource", weight=1.0)}
    mixture = Mixture([component(rows, settings=settings)])
    prompts = mixture.prompts(0, mixture.round)
    assert {prompt.writer for prompt in prompts} == {"0", "odd"}
    assert set(mixture.unusable) == {("toy", "template 'odd' gives nothing")}
    other = Mixture([component(rows, settings=settings | {"p3": Setting("promptsource", cut=9)})])
    assert other.fingerprint != mixture.fingerprint


@pytest.mark.parametrize(
    ("name", "column", "equal"),
    [("imdb", "text", 75), ("paws_labeled_final", "sentence1", 480), ("xsum", "document", 207)],
)
def test_prompts_equal_those_of_p3(shared_data, name, column, equal):
    """Rows of P3 whose source is at hand: every prompt of theirs is among ours, cut values included."""
    table = pq.read_table(shared_data / "_extra" / "p3_t0_sample" / "train.parquet").to_pydict()
    theirs = defaultdict(set)
    for template, text, target in zip(table["template"], table["inputs"], table["targets"], strict=True):
        if template.startswith(name):
            theirs[letters(template.removeprefix(name))].add((text.strip(), target.strip()))
    known = "\n".join(text for prompts in theirs.values() for text, _ in prompts)
    task = Task(load_catalog(f"promptsource:{shared_data}/_extra/promptsource")[f"p3_{name}"])
    examples = [one for one in every_example(task, shared_data) if str(one.native[column]).strip()[:200] in known]
    ours = defaultdict(set)
    for writer in foreign_writers(task, cut=2048):
        for example in examples:
            try:
                prompt = writer.write(example)
            except SkipRow:
                continue
            ours[letters(writer.name)].add((prompt.input, prompt.target))
    assert sum(len(theirs[template] & prompts) for template, prompts in ours.items()) >= equal


def letters(name):
    return "".join(mark for mark in name.lower() if mark.isalnum())


def every_example(task, shared_data):
    for role in ("train", "dev", "test"):
        try:
            yield from load_rows(task, role, parse_source(f"mirror:{shared_data}"))
        except MissingRowsError:
            continue
