"""A section of the page: one group of datasets in one setting, with its headline cards, sentences and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openflan.evaluation.results import TUNED
from openflan.report import forest
from openflan.report.changes import Level
from openflan.report.evaluations import Found, Group
from openflan.report.findings import HEADLINES, Finding, Pair, heading, levels, pairs
from openflan.report.lines import OTHER_MEASURES, Line, side_by_side
from openflan.report.words import bounds, number, setting_title


@dataclass(frozen=True)
class Gap:
    """A difference beside a model's headline: in words, and whether it is to the better (1), the worse (-1), or may be
    chance (0).
    """

    text: str
    verdict: int


@dataclass(frozen=True)
class Card:
    """A model's headline: how it was asked, what it scores by each measure, and the difference to what it is held
    against.
    """

    order: int
    model: str
    asked: str
    levels: Sequence[Level]
    gap: Gap | None


@dataclass(frozen=True)
class Section:
    """What there is to say and show of a group of datasets in one setting; `headlines` are the sentences on scores."""

    group: Group
    cards: Sequence[Card]
    headlines: Sequence[str]
    sentences: Sequence[str]
    scores: forest.Figure | None
    others: Sequence[forest.Figure]
    templates: forest.Figure | None
    lines: Sequence[Line]


def sections(
    found: Found, findings: Sequence[Finding], lines: Sequence[Line], sentences: Mapping[str, Sequence[str]]
) -> dict[str, list[Section]]:
    """The sections of each setting; groups without a result in it are left out."""
    known = levels(found)
    return {
        setting: [
            _section(found, findings, group, setting, some, known, sentences)
            for group in found.groups
            if (some := side_by_side(lines, found, group, setting))
        ]
        for setting in found.settings
    }


def _section(
    found: Found,
    findings: Sequence[Finding],
    group: Group,
    setting: str,
    lines: Sequence[Line],
    known: Mapping[tuple[str, str, str], Sequence[Level]],
    sentences: Mapping[str, Sequence[str]],
) -> Section:
    here = [one for one in findings if (one.group, one.setting) == (group.key, setting)]
    cards = [
        Card(order, name, setting_title(one.in_setting(setting) or setting), known[group.key, setting, name], gap)
        for order, (name, one) in enumerate(found.evaluations.items())
        if (group.key, setting, name) in known
        for gap in [_gap(name, here, pairs(found.evaluations))]
    ]
    others = [one for measure in OTHER_MEASURES if (one := forest.measured(lines, measure)) is not None]
    told = sentences.get(heading(group, setting), [])
    headlines = [one.sentence for one in here if one.change.measure in HEADLINES] or told
    return Section(group, cards, headlines, told, forest.scores(lines), others, forest.templates(lines), lines)


def _gap(name: str, findings: Sequence[Finding], known: Sequence[Pair]) -> Gap | None:
    """The first finding on scores that compares this model with another; the tuned model's, where it has one."""
    for pair in known:
        other = pair.first if pair.second == TUNED else pair.second
        for one in findings:
            if other == name and one.comparison == pair.key and one.change.measure in HEADLINES:
                gap = f"{number(one.change.difference.value, signed=True)} {bounds(one.change.difference, signed=True)}"
                held = f"{TUNED} is {gap}" if pair.second == TUNED else f"{gap} against {pair.first}"
                return Gap(held, one.verdict)
    return None
