"""What a run found, in numbers and in words.

The paper's comparison comes first: the tuned model asked with instructions against the untuned model asked in its own
way, with GPT-3-style prompts (Figure 1). Then the untuned model with the same instructions, which shows what tuning
changed. No sentence says more than its interval does, and a model that always gives the same answer is called so: what
it scores is the share of that answer, not skill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from openflan.evaluate.analysis.blocks import Block, blocks
from openflan.evaluate.analysis.groups import Change, change
from openflan.evaluate.results import BASELINE, TUNED, UNTUNED, Results

Measured = Mapping[str, Results]
"""Evaluations by name."""

MEASURES = {
    "accuracy": ("Accuracy", "%", 1),
    "balanced_accuracy": ("Balanced accuracy (mean over right answers)", "%", 1),
    "pmi_accuracy": ("Accuracy ranked by pmi", "%", 1),
    "written_option": ("Written answers that are one of the options", "%", 1),
    "written_accuracy": ("Written answers that are right", "%", 1),
    "loss": ("Loss on the right answer", "nats a token", -1),
}
"""Measures of a report: what each is called, its unit, and which way is better."""

COMPARISONS = {"tuned_vs_baseline": (BASELINE, TUNED), "tuned_vs_untuned": (UNTUNED, TUNED)}
_SETTINGS = {"options": "with the OPTIONS block", "bare": "without the OPTIONS block"}


@dataclass(frozen=True)
class Group:
    """Datasets reported together: `key` in `summary.json`, a title, and the names of their blocks."""

    key: str
    title: str
    names: Sequence[str]


@dataclass(frozen=True)
class Finding:
    """A change on a group in one setting: which comparison, and the sentence that says it."""

    group: str
    setting: str
    comparison: str
    change: Change
    sentence: str


def find(measured: Measured, groups: Sequence[Group]) -> list[Finding]:
    """Every comparison of a run's models on every group, in each setting that the tuned model was asked in."""
    found = []
    for setting in measured[TUNED].settings if TUNED in measured else ():
        after = blocks(measured[TUNED], "test", setting)
        for group in groups:
            for comparison, (first, _) in COMPARISONS.items():
                before = _blocks_of(measured.get(first), setting)
                for measure in MEASURES:
                    if comparison == "tuned_vs_baseline" and measure not in ("accuracy", "balanced_accuracy"):
                        continue  # its prompts and options are others, so only what it gets right can be compared
                    if one := change(before, after, group.names, measure):
                        sentence = say(one, comparison, setting)
                        found.append(Finding(group.key, setting, comparison, one, sentence))
    return found


def constant_answers(measured: Measured, groups: Sequence[Group]) -> list[str]:
    """A sentence for every model, setting and group with datasets on which it always gives the same answer."""
    sentences = []
    for name, results in measured.items():
        for setting in results.settings:
            found = blocks(results, "test", setting)
            for group in groups:
                fixed = [(one, list(found[one].option_shares())) for one in group.names if one in found]
                constant = [f"{dataset} ({shares[0]})" for dataset, shares in fixed if len(shares) == 1]
                if constant:
                    told = _SETTINGS.get(setting, "with its GPT-3-style prompts")
                    sentences.append(f"{name}, {told}, always gives the same answer on {_listed(constant)}.")
    return sentences


def say(one: Change, comparison: str, setting: str) -> str:
    """A change in words; a difference whose interval holds zero is called none."""
    title, unit, sign = MEASURES[one.measure]
    mark = " %" if unit == "%" else f" {unit}"
    asked = _SETTINGS.get(setting, f"in the setting {setting}")
    before = {
        "tuned_vs_baseline": "the untuned model with its own GPT-3-style prompts",
        "tuned_vs_untuned": "the untuned model with the same instructions",
    }[comparison]
    gap, low, high = (number(value, True) for value in (one.difference.value, one.difference.low, one.difference.high))
    tuned, untuned = f"tuned {number(one.after.value)}{mark}", f"{before} {number(one.before.value)}{mark}"
    scores = f"{title}, {asked}: {tuned}, {untuned} ({gap} [{low}, {high}])"
    examples = f"{one.examples:,} examples of {counted(one.datasets, 'dataset')}"
    if not one.is_clear:
        return f"{scores}: no difference that {examples} can tell from chance."
    return f"{scores}: {'better' if one.difference.value * sign > 0 else 'worse'} on {examples}."


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


def number(value: float, signed: bool = False, digits: int = 1) -> str:
    """A number as people read it: never a minus before zero."""
    rounded = round(value, digits) + 0.0
    return f"{rounded:+.{digits}f}" if signed and rounded else f"{rounded:.{digits}f}"


def counted(count: int, what: str) -> str:
    """`1 dataset`, `2 datasets`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _blocks_of(results: Results | None, setting: str) -> dict[str, Block]:
    """The blocks to compare with: in the same setting where the model was asked in it, else in its own first."""
    if results is None:
        return {}
    return blocks(results, "test", setting if setting in results.settings else None)


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
