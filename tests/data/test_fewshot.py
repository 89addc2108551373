import re
from collections import Counter
from dataclasses import dataclass

import pytest
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from openflan.data.encode import Chat, Encoder, Format
from openflan.data.example import Example
from openflan.data.fewshot import FewShot, Shots
from openflan.data.prompt import TemplateWriter
from openflan.tasks.card import Card
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task

TASK = Task(
    Card.model_validate(
        {
            "name": "weather",
            "title": "Weather",
            "cluster": "nli",
            "licence": "none",
            "citation": "none",
            "metric": "accuracy",
            "sources": [{"columns": {"day": "string", "label": "string"}}],
            "splits": {"train": "train"},
            "fields": ["day"],
            "options": {"wet": "yes", "dry": "no", "fog": "maybe"},
            "answer": "{{ label }}",
            "templates": [
                {"input": "Rain on {{ day }}?\n\n{{ options_ }}"},
                {"input": "{{ day }}: rain?\n{{ options_ }}"},
            ],
        }
    )
)
OPTIONS = ("yes", "no", "maybe")


@dataclass
class Rows:
    """Days 0 to size - 1; one in ten is dry, one in fifty foggy, the rest wet."""

    size: int = 200
    per_group: int = 0

    def __len__(self):
        return self.size

    def examples(self, positions):
        return [self.example(n) for n in positions]

    def example(self, n):
        answer = "maybe" if n % 50 == 0 else "no" if n % 10 == 0 else "yes"
        group = f"week {n // self.per_group}" if self.per_group else None
        return Example(TASK, n, {"day": f"day {n}"}, OPTIONS, answer, (answer,), OPTIONS, group)


def encoder(join="newline", **limits):
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = Split(Regex(r"\w+|\W"), "isolated")
    return Encoder(tokenizer, Format(join=join, **limits), eos=0, chat=Chat("", ""))


def few_shot(rows=None, template=0, join="newline", **shots):
    return FewShot(TemplateWriter(TASK, template), rows or Rows(), Shots(**shots), encoder(join))


def queries(*days, template=0, rows=None):
    return [TemplateWriter(TASK, template).write((rows or Rows(10**6)).example(day)) for day in days]


def days(text):
    return [int(day) for day in re.findall(r"day (\d+)", text)]


def test_exemplars_are_whole_prompts_with_their_targets_before_the_untouched_query():
    [query] = queries(1001)
    prompt, count = few_shot(count=3).extend([query])[0]
    assert count == 3
    *exemplars, last = prompt.input.split("\n\n\n")
    assert last == query.input
    for text in exemplars:
        [day] = days(text)
        example = Rows().example(day)
        assert text == TemplateWriter(TASK, 0).write(example).input + "\n" + example.answer
    assert (prompt.target, prompt.options, prompt.row) == (query.target, query.options, query.row)


@pytest.mark.parametrize(
    ("join", "before", "after"), [("space", " ", "\n\n"), ("newline", "\n", "\n\n\n"), ("eos", "\n\n", "\n\n\n")]
)
def test_exemplars_are_joined_as_the_format_joins_the_query(join, before, after):
    prompt, _ = few_shot(count=1, join=join).extend(queries(1001))[0]
    assert re.search(rf"- maybe{before}(yes|no|maybe){after}Rain on day 1001", prompt.input)


def test_one_set_serves_every_query_unless_each_has_its_own():
    fixed = [days(prompt.input)[:-1] for prompt, _ in few_shot(count=4).extend(queries(*range(1000, 1020)))]
    assert len({tuple(drawn) for drawn in fixed}) == 1
    drawn = [
        days(prompt.input)[:-1] for prompt, _ in few_shot(count=4, per_query=True).extend(queries(*range(1000, 1020)))
    ]
    assert len({tuple(one) for one in drawn}) == 20


def test_the_set_follows_from_seed_and_template_alone():
    def drawn(**options):
        return days(
            few_shot(count=4, **options).extend(queries(1001, template=options.get("template", 0)))[0].prompt.input
        )

    assert drawn() == drawn()
    assert drawn() != drawn(seed=1)
    assert drawn() != drawn(template=1)
    alone = few_shot(count=4, per_query=True).extend(queries(1001))
    among = few_shot(count=4, per_query=True).extend(queries(1000, 1001))
    assert alone[0] == among[1], "what else is asked has no bearing"


@pytest.mark.parametrize("per_query", [False, True])
def test_the_query_itself_is_never_shown_and_another_takes_its_place(per_query):
    for prompt, count in few_shot(Rows(8), count=5, per_query=per_query).extend(queries(*range(8))):
        *shown, asked = days(prompt.input)
        assert asked not in shown
        assert count == 5
        assert len(set(shown)) == 5


def test_siblings_that_one_metric_judges_with_the_query_are_never_shown():
    rows = Rows(20, per_group=4)
    for prompt, _ in few_shot(rows, count=4).extend(queries(*range(20), rows=rows)):
        *shown, asked = days(prompt.input)
        assert all(day // 4 != asked // 4 for day in shown)


def test_whole_exemplars_are_dropped_from_the_end_to_fit_the_budget_and_the_query_stays():
    everything = few_shot(count=16, budget=10**6).extend(queries(1001))[0].prompt.input
    length = len(encoder().tokenizer.encode(everything, add_special_tokens=False).ids)
    counts = []
    for budget in range(0, length + 20, 7):
        prompt, count = few_shot(count=16, budget=budget).extend(queries(1001))[0]
        assert everything.startswith("".join(prompt.input.split("Rain on day 1001")[0]))
        assert prompt.input.endswith(queries(1001)[0].input)
        assert len(days(prompt.input)) == count + 1
        if count:
            assert len(encoder().tokenizer.encode(prompt.input, add_special_tokens=False).ids) <= budget
        counts.append(count)
    assert counts[0] == 0
    assert counts[-1] == 16
    assert counts == sorted(counts)


def test_a_long_query_costs_its_own_exemplars_only():
    """The longest prefix of the list that fits beside the query is kept (as the release's tests have it)."""
    short, long = queries(1001)[0], queries(1002)[0]
    long = type(long)(long.dataset, long.writer, long.row, "word " * 120 + long.input, long.target)
    (_, kept), (_, fewer) = few_shot(count=16, budget=300).extend([short, long])
    assert 0 < fewer < kept


def test_balanced_sets_take_turns_over_the_answers_and_stay_balanced_when_cut():
    for seed in range(5):
        for budget in (10**6, 200, 120):
            prompt, count = few_shot(count=9, budget=budget, balanced=True, seed=seed).extend(queries(1001))[0]
            answers = Counter(Rows().example(day).answer for day in days(prompt.input)[:-1])
            assert count > 0
            assert max(answers.values()) - min(answers[option] for option in OPTIONS) <= 1
    assert len(days(prompt.input)) == count + 1


def test_balanced_order_is_no_pattern():
    first = {
        Rows()
        .example(days(few_shot(count=3, balanced=True, seed=seed).extend(queries(1001))[0].prompt.input)[0])
        .answer
        for seed in range(20)
    }
    assert first == set(OPTIONS)


def test_rare_answers_that_are_not_found_leave_their_place_to_others():
    class Wet(Rows):
        def example(self, n):
            return Example(TASK, n, {"day": f"day {n}"}, OPTIONS, "yes", ("yes",), OPTIONS)

    assert few_shot(Wet(), count=4, balanced=True).extend(queries(1001))[0].shots == 4


def test_rows_that_make_no_prompt_are_passed_over():
    few = few_shot(count=4)
    write = few.writer.write

    def picky(example):
        if example.row % 3:
            raise SkipRow("no")
        return write(example)

    few.writer.write = picky
    prompt, count = few.extend(queries(1001))[0]
    assert count == 4
    assert all(day % 3 == 0 for day in days(prompt.input)[:-1])


def test_fewer_rows_than_wished_are_all_shown():
    assert few_shot(Rows(3), count=16).extend(queries(1001))[0].shots == 3


def test_zero_shots_change_nothing():
    assert few_shot(count=0).extend(queries(1001)) == [(queries(1001)[0], 0)]


def test_a_format_that_takes_less_than_the_budget_is_kept_to():
    narrow = encoder(input_length=150)
    few = FewShot(TemplateWriter(TASK, 0), Rows(), Shots(count=16), narrow)
    prompt, count = few.extend(queries(1001))[0]
    assert 0 < count < 16
    assert len(narrow.prefixes([prompt.input])[0]) <= 150


def test_the_draws_are_fixed_for_ever():
    """Few-shot scores rest on them."""
    assert days(few_shot(count=4).extend(queries(1001))[0].prompt.input)[:-1] == [100, 9, 32, 67]
