"""The findings of a report, in numbers and in words.

The paper's comparison comes first: the tuned model asked with instructions against the untuned model asked in its own
way, with GPT-3-style prompts (Figure 1). Then the untuned model with the same instructions, which shows what tuning
changed. No sentence says more than its interval does, and a model always giving one answer is reported as such:
what it scores is the share of that answer, not skill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from openflan.evaluation.analysis.blocks import Block
from openflan.evaluation.analysis.groups import Change
from openflan.evaluation.results import BASELINE, TUNED, UNTUNED
from openflan.report.changes import SCORE, Level, changed, level
from openflan.report.evaluations import Evaluation, Found, Group
from openflan.report.words import asked, bounds, listed, number, quoted, sentence
from openflan.wording import counted


class Measure(NamedTuple):
    """A measure's title, its unit, which way is better, and how many digits are shown."""

    title: str
    unit: str
    sign: int = 1
    digits: int = 1


MEASURES = {
    "accuracy": Measure("Accuracy", " %"),
    SCORE: Measure("Score by each dataset's own metric", ""),
    "balanced_accuracy": Measure("Balanced accuracy", " %"),
    "pmi_accuracy": Measure("Accuracy when ranked by pmi", " %"),
    "written_option": Measure("Written answers that are one of the options", " %"),
    "written_accuracy": Measure("Written answers that are right", " %"),
    "loss": Measure("Loss on the right answer", " nats a token", -1, 2),
}
"""The measures of a report, in the order they are shown."""

HEADLINES = ("accuracy", SCORE)
"""The measures that are shown first."""

_SHORT = ("accuracy", "written_option")
"""The measures that a terminal has room for."""

_ACROSS_PROMPTS = (*HEADLINES, "balanced_accuracy")
"""What can be compared where prompts and options are not the same."""


class Pair(NamedTuple):
    """Two evaluations to compare: the key in `summary.json`, their names, and what the first one is called."""

    key: str
    first: str
    second: str
    told: str


@dataclass(frozen=True)
class Finding:
    """A change on a group in one setting: which comparison, and the sentence that says it."""

    group: str
    setting: str
    comparison: str
    change: Change
    sentence: str

    @property
    def verdict(self) -> int:
        """1 for a change to the better that chance does not explain, -1 for one to the worse, else 0."""
        return verdict(self.change)


@dataclass(frozen=True)
class Constant:
    """A model that gave one and the same answer to every prompt of a dataset in a setting."""

    model: str
    setting: str
    dataset: str
    answer: str


def pairs(evaluations: Mapping[str, Evaluation]) -> list[Pair]:
    """What is compared: in a run the tuned model with the untuned one, else every evaluation with the first."""
    if TUNED in evaluations:
        known = [
            Pair("tuned_vs_baseline", BASELINE, TUNED, "the untuned model with its own GPT-3-style prompts"),
            Pair("tuned_vs_untuned", UNTUNED, TUNED, "the untuned model with the same instructions"),
        ]
        return [pair for pair in known if pair.first in evaluations]
    first, *others = evaluations
    return [Pair(f"{other}_vs_{first}", first, other, first) for other in others]


def find(found: Found) -> list[Finding]:
    """Every comparison on every group, in each setting that the second model of it was asked in."""
    return [
        Finding(group.key, setting, pair.key, one, say(one, pair))
        for setting in found.settings
        for group in found.groups
        for pair in pairs(found.evaluations)
        for measure, one in _changes(
            found.evaluations[pair.first], found.evaluations[pair.second], setting, group.names
        )
    ]


def _changes(first: Evaluation, second: Evaluation, setting: str, names: Sequence[str]) -> Iterator[tuple[str, Change]]:
    ours, theirs = first.in_setting(setting), second.in_setting(setting)
    if ours is None or theirs is None or setting not in (ours, theirs):
        return
    for measure in MEASURES if ours == theirs else _ACROSS_PROMPTS:
        if one := changed(first.blocks[ours], second.blocks[theirs], names, measure):
            yield measure, one


def levels(found: Found) -> dict[tuple[str, str, str], list[Level]]:
    """What each model scores: (group, setting, model) → its measures."""
    return {
        (group.key, setting, name): some
        for setting in found.settings
        for group in found.groups
        for name, one in found.evaluations.items()
        if (own := one.in_setting(setting)) is not None
        if (some := [known for measure in MEASURES if (known := level(one.blocks[own], group.names, measure))])
    }


def constants(found: Found) -> list[Constant]:
    """Every model, setting and dataset with more than one prompt and only one answer."""
    return [
        Constant(name, setting, dataset, answer)
        for name, one in found.evaluations.items()
        for setting, blocks in one.blocks.items()
        for dataset, block in blocks.items()
        if (answer := always(block)) is not None
    ]


def always(block: Block) -> str | None:
    """The one answer that was given to every prompt, where several had the same options to choose from."""
    shares = block.option_shares()
    return next(iter(shares)) if len(shares) == 1 and len(block) > 1 else None


def say_constants(some: Sequence[Constant]) -> list[str]:
    """A sentence for each model, setting and answer."""
    datasets: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for one in some:
        datasets[one.model, one.setting, one.answer].append(one.dataset)
    return [
        f"{sentence(asked(setting))}, {model} always answers {quoted(answer)} on {listed(names)}."
        for (model, setting, answer), names in datasets.items()
    ]


def verdict(one: Change) -> int:
    """1 where the second model is better and the interval leaves out zero, -1 where it is worse, else 0."""
    measure = MEASURES[one.measure]
    if not one.is_clear or not round(one.difference.value, measure.digits):
        return 0
    return measure.sign if one.difference.value > 0 else -measure.sign


def say(one: Change, pair: Pair) -> str:
    """A change in two sentences: the scores, then what their difference shows."""
    title, unit, _, digits = MEASURES[one.measure]
    after, before = number(one.after.value, digits), number(one.before.value, digits)
    scores = f"{title}: {pair.second} {after}{unit}, {pair.told} {before}{unit}."
    gap = f"{number(one.difference.value, digits, True)} {bounds(one.difference, digits, True)}"
    sample = f"{counted(one.examples, 'example')} of {counted(one.datasets, 'dataset')}"
    sign = verdict(one)
    if not round(one.difference.value, digits):
        return f"{scores} There is no difference: {gap} on {sample}."
    if not sign:
        return f"{scores} On {sample}, chance may explain the difference of {gap}."
    return f"{scores} That is {'better' if sign > 0 else 'worse'}: {gap} on {sample}."


def say_level(one: Level, model: str) -> str:
    """What one model scores, beside guessing."""
    title, unit, _, digits = MEASURES[one.measure]
    sample = f"{counted(one.examples, 'example')} of {counted(one.datasets, 'dataset')}"
    score = f"{number(one.score.value, digits)}{unit} {bounds(one.score, digits)}"
    return f"{title}: {model} {score} on {sample}.{_beside_guessing(one)}"


def _beside_guessing(one: Level) -> str:
    if one.guessing is None:
        return ""
    if one.score.low > one.guessing:
        told = "more than"
    elif one.score.high < one.guessing:
        told = "less than"
    else:
        told = "not to be told from"
    return f" That is {told} guessing ({number(one.guessing)} %)."


def lead(findings: Sequence[Finding]) -> str:
    """The one sentence that a reader should take away; empty where nothing was compared."""
    first = findings[0] if findings else None
    if first is None or first.comparison not in ("tuned_vs_baseline", "tuned_vs_untuned"):
        return ""
    where = {
        "held_out": "On tasks it was never trained on",
        "seen": "On tasks it was trained on (other rows)",
    }.get(first.group, "On the tasks measured")
    asked = "asked in its own way" if first.comparison == "tuned_vs_baseline" else "asked the same"
    match first.verdict:
        case 1:
            return f"{where}, the tuned model does better than the untuned model {asked}."
        case -1:
            return f"{where}, the tuned model does worse than the untuned model {asked}."
        case _:
            return f"{where}, nothing tells the tuned model from the untuned model {asked} but what chance may explain."


def told(found: Found, findings: Sequence[Finding]) -> dict[str, list[str]]:
    """The sentences under their titles: those of each group and setting, then the answers that are always the same."""
    sentences: dict[str, list[str]] = {}
    scores = {} if findings else levels(found)
    for setting in found.settings:
        for group in found.groups:
            some = [one.sentence for one in findings if (one.group, one.setting) == (group.key, setting)] or [
                say_level(one, name)
                for (key, put, name), known in scores.items()
                if (key, put) == (group.key, setting)
                for one in known
            ]
            if some:
                sentences[heading(group, setting)] = some
    if constant := say_constants(constants(found)):
        sentences["Always the same answer"] = constant
    return sentences


def told_in_short(found: Found, findings: Sequence[Finding]) -> dict[str, list[str]]:
    """The findings for a terminal: accuracy and valid answers in the first setting, and constant answers."""
    first = [one for one in findings if one.setting == found.settings[0] and one.change.measure in _SHORT]
    return told(found, first)


def heading(group: Group, setting: str) -> str:
    """The title of what is said of a group in a setting."""
    return f"{group.title}, {asked(setting)}"


def as_tree(findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings under `group.measure.comparison` for the first setting, and all under `settings.<setting>`."""
    tree: dict[str, Any] = {}
    first = findings[0].setting if findings else ""
    for one in findings:
        places = [tree.setdefault("settings", {}).setdefault(one.setting, {})]
        if one.setting == first:
            places.append(tree)
        for place in places:
            leaf = place.setdefault(one.group, {}).setdefault(one.change.measure, {})
            leaf[one.comparison] = {
                **asdict(one.change.difference),
                "before": asdict(one.change.before),
                "after": asdict(one.change.after),
                "datasets": one.change.datasets,
                "examples": one.change.examples,
            }
    return tree
