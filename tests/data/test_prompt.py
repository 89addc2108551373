"""From examples to prompts: the OPTIONS block, targets, references, inverted templates and the baseline."""

from collections.abc import Callable
from typing import Any

import pytest

from openflan.data.blocks import options_block
from openflan.data.example import Example
from openflan.data.prompt import BASELINE, BaselineWriter, Prompt, TemplateWriter, writers
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task


def example(task: Task, **changes: Any) -> Example:
    values: dict[str, Any] = {
        "fields": {"premise": "It rains.", "hypothesis": "it is wet"},
        "options": ("yes", "no"),
        "answer": "no",
        "references": ("no",),
        "labels": ("entailed", "open"),
    }
    return Example(task, 3, **(values | changes))


@pytest.fixture
def write(make_task: Callable[..., Task]) -> Callable[..., Prompt]:
    """Write an example with one template of the small card."""

    def writing(template: dict[str, Any], **changes: Any) -> Prompt:
        task = make_task(templates=[template])
        return TemplateWriter(task, 0).write(example(task, **changes))

    return writing


def test_options_block_is_the_papers() -> None:
    assert options_block(["yes", "no"]) == "OPTIONS:\n- yes\n- no"


def test_forward_prompt(write: Callable[..., Prompt]) -> None:
    prompt = write({"input": "{{ premise }} So {{ hypothesis }}?\n\n{{ options_ }}"}, group="g")
    assert prompt.input == "It rains. So it is wet?\n\nOPTIONS:\n- yes\n- no"
    assert (prompt.target, prompt.options, prompt.references) == ("no", ("yes", "no"), ("no",))
    assert (prompt.dataset, prompt.writer, prompt.row, prompt.inverted, prompt.group) == ("toy", "0", 3, False, "g")


def test_options_keep_the_datasets_order(write: Callable[..., Prompt]) -> None:
    prompt = write({"input": "{{ options_ }}"}, options=("b", "a", "c"), answer="a", labels=())
    assert prompt.input.splitlines()[1:] == ["- b", "- a", "- c"]


def test_inverted_prompt_ranks_nothing(write: Callable[..., Prompt]) -> None:
    prompt = write(
        {"input": "Answer: {{ answer }}", "target": "{{ premise }}", "inverted": True}, references=("a", "b")
    )
    assert (prompt.input, prompt.target) == ("Answer: no", "It rains.")
    assert (prompt.options, prompt.references, prompt.inverted) == ((), ("It rains.",), True)


def test_target_of_its_own_is_its_only_reference(write: Callable[..., Prompt]) -> None:
    prompt = write(
        {"input": "{{ premise }}", "target": "{{ answer }}!"}, options=(), labels=(), references=("no", "nay")
    )
    assert (prompt.target, prompt.references, prompt.options) == ("no!", ("no!",), ())


def test_all_references_of_an_answer_are_kept(write: Callable[..., Prompt]) -> None:
    prompt = write({"input": "{{ premise }}"}, options=(), labels=(), references=("no", "nay"))
    assert prompt.references == ("no", "nay")


def test_edges_are_stripped(write: Callable[..., Prompt]) -> None:
    prompt = write({"input": "\n {{ premise }} \n"}, answer=" no ", options=(), labels=())
    assert (prompt.input, prompt.target) == ("It rains.", "no")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ({"input": "{{ gone }}"}, "unresolved: 'gone' is undefined"),
        ({"input": "{% if gone %}x{% endif %}"}, "unresolved"),
        ({"input": "{{ ' ' }}"}, "empty input or target"),
        ({"input": "x", "target": "{{ '' }}"}, "empty input or target"),
    ],
)
def test_what_cannot_be_written_is_skipped(template: dict[str, Any], reason: str, write: Callable[..., Prompt]) -> None:
    with pytest.raises(SkipRow, match=reason):
        write(template)


def test_block_without_options_is_unresolved(write: Callable[..., Prompt]) -> None:
    with pytest.raises(SkipRow, match="options_"):
        write({"input": "x {{ options_ }}"}, options=(), labels=())


def test_baseline_maps_options_answer_and_references(make_task: Callable[..., Task]) -> None:
    baseline = {"input": "{{ premise }} True or false?", "options": {"entailed": "True", "open": "False"}}
    prompt = BaselineWriter(task := make_task(baseline=baseline)).write(example(task))
    assert (prompt.writer, prompt.input) == (BASELINE, "It rains. True or false?")
    assert (prompt.options, prompt.target, prompt.references) == (("True", "False"), "False", ("False",))


def test_baseline_without_options_scores_the_tasks_own(make_task: Callable[..., Task]) -> None:
    prompt = BaselineWriter(task := make_task(baseline={"input": "{{ premise }}"})).write(example(task))
    assert (prompt.options, prompt.target) == (("yes", "no"), "no")


def test_no_baseline_is_an_error(make_task: Callable[..., Task]) -> None:
    with pytest.raises(ValueError, match="toy has no baseline"):
        BaselineWriter(make_task())


def test_writers_of_a_task(make_task: Callable[..., Task]) -> None:
    task = make_task(templates=[{"input": "a"}, {"input": "b", "inverted": True}, {"input": "c"}])
    assert [writer.number for writer in writers(task)] == [0, 1, 2]
    assert [writer.number for writer in writers(task, 2)] == [0, 1]
    assert [writer.number for writer in writers(task, forward_only=True)] == [0, 2]
