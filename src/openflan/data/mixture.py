"""The mixture: which dataset, which row and which wording example number *i* is.

A mixture is a weighted set of components: rows, the ways to put them into words, and a rate. The paper's is
examples-proportional with a rate cap (section 2.4): a dataset of n rows has the rate min(n, 3,000). One *round* of the
mixture is as long as the sum of the rates and draws every component exactly as often as its rate says, in a shuffled
order; a component's rows come without repetition until all were drawn, in a new order each time. Everything follows
from (seed, i) alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openflan.data.encode import Encoder
from openflan.data.fewshot import FewShot, Shots
from openflan.data.fit import shorten
from openflan.data.foreign import ForeignWriter
from openflan.data.limits import RATE_CAP as RATE_CAP
from openflan.data.limits import RateRule
from openflan.data.order import hash64, permutation, permute_many, uniform
from openflan.data.prompt import Prompt, TemplateWriter, Writer
from openflan.data.rows import TaskRows
from openflan.data.settings import OPTIONS, PRESETS, Setting
from openflan.errors import MissingRowsError, RecipeError
from openflan.tasks.prepare import SkipRow

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Choice:
    """One way to put a component's rows: a writer, how many exemplars, and how often against the other choices."""

    writer: Writer
    setting: str
    weight: float = 1.0
    shots: Shots = field(default_factory=Shots)

    @property
    def details(self) -> tuple[object, ...]:
        """What prompts depend on that neither the setting's name nor the writer's tells."""
        match self.writer:
            case ForeignWriter():
                return self.writer.cut, self.writer.seed
            case TemplateWriter():
                bare = not self.writer.shows_options and self.setting not in PRESETS
                return (*(["bare"] if bare else []), *(["drawn", self.writer.seed] if self.writer.draws_block else []))
            case _:
                return ()


@dataclass(frozen=True)
class Component:
    """Rows of one task, the choices of how to put them, and how often a round draws from them.

    `submixture` names the part of the mixture that it belongs to, where that has parts with weights of their own.
    """

    rows: TaskRows
    choices: Sequence[Choice]
    rate: int
    submixture: str = ""

    @cached_property
    def bounds(self) -> NDArray[np.float64]:
        """Where each choice's share of [0, 1) ends."""
        weights = np.array([choice.weight for choice in self.choices])
        bounds: NDArray[np.float64] = np.cumsum(weights / weights.sum())
        return bounds

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the rows, their card and the choices."""
        ways = [(one.setting, one.writer.name, one.weight, one.shots, *one.details) for one in self.choices]
        part = f" {self.submixture}" if self.submixture else ""
        return hashlib.sha256(f"{self.rows.fingerprint} {self.rate} {ways}{part}".encode()).hexdigest()


def component(
    rows: TaskRows,
    *,
    rate_cap: int = RATE_CAP,
    rate: RateRule = "dataset",
    templates: int | None = None,
    settings: Mapping[str, Setting] | None = None,
) -> Component:
    """A dataset as the paper mixes it: every template of every setting alike, at the rate min(rows, `rate_cap`).

    `templates` is how many of the dataset's templates are used, the first ones (the paper's ablation B.1); `rate` is
    the rule of `rate_of`. Raises `RecipeError` where no setting can put the task.
    """
    choices = [
        choice
        for name, setting in (settings or {OPTIONS: PRESETS[OPTIONS]}).items()
        for choice in _choices(name, setting, setting.writers_of(rows.task, templates))
    ]
    if not choices:
        raise RecipeError(f"{rows.task.name} cannot be put in any of data.settings; its card has no baseline prompt")
    ways = len({choice.writer.name for choice in choices})
    return Component(rows, choices, rate_of(len(rows), ways, rate_cap, rate))


def rate_of(rows: int, templates: int, cap: int, rule: RateRule = "dataset") -> int:
    """How often a round draws a dataset of so many rows, put by so many templates.

    `dataset` is the paper's: the rows, at most `cap` (section 2.4); so are T0's rates by its paper. `template` is what
    T0's code does (Sanh et al. 2021): every template stands for all rows, up to `cap`, and beyond it for its share of
    `cap`.

    >>> rate_of(400_000, 9, 500_000, "template"), rate_of(600_000, 9, 500_000, "template")
    (3600000, 499995)
    """
    if rule == "dataset":
        return min(rows, cap)
    return templates * (rows if rows <= cap else max(cap // templates, 1))


def _choices(name: str, setting: Setting, writers: Sequence[Writer]) -> list[Choice]:
    """A setting's writers, each as often as any other of its direction, and inverted ones as `inversion` says."""
    inverted = [writer for writer in writers if writer.inverted]
    forward = [writer for writer in writers if not writer.inverted]
    if setting.inversion is None or not (forward and inverted):
        return [Choice(writer, name, setting.weight / len(writers), setting.shots) for writer in writers]
    one, other = 1 / (1 + setting.inversion) / len(forward), setting.inversion / (1 + setting.inversion) / len(inverted)
    return [
        Choice(writer, name, setting.weight * (other if writer.inverted else one), setting.shots) for writer in writers
    ]


class Draw(NamedTuple):
    """What an example number stands for: component number, position among its rows, number of the choice."""

    component: int
    position: int
    choice: int


@dataclass(frozen=True)
class Share:
    """One line of the mixture's table: a dataset, its rows, its rate, and what that comes to in a run.

    `settings` is the share of the draws that each setting puts; `submixture` is the part of the mixture it is of.
    """

    name: str
    cluster: str
    rows: int
    skipped: int
    rate: int
    probability: float
    templates: int
    draws: float
    epochs: float
    settings: Mapping[str, float]
    submixture: str = ""


@dataclass
class Mixture:
    """An endless sequence of prompts over several components, readable at any position.

    `unusable` counts prompts that could not be written, by (dataset, reason).
    """

    parts: Sequence[Component]
    seed: int = 0
    unusable: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if not self.parts:
            raise MissingRowsError("the mixture has no dataset with rows")
        self._rates = np.array([part.rate for part in self.parts], dtype=np.int64)
        self._ends = np.cumsum(self._rates)
        self._kept: tuple[int, Numbers, Numbers] | None = None
        self._few_shot: dict[tuple[int, int], FewShot] = {}

    @property
    def round(self) -> int:
        """Examples in one round: the sum of the rates."""
        return int(self._ends[-1])

    def draw(self, start: int, stop: int) -> list[Draw]:
        """What examples number `start` to `stop` stand for."""
        drawn: list[Draw] = []
        while start < stop:
            number, first = divmod(start, self.round)
            last = min(stop - number * self.round, self.round)
            components, counts = (column[first:last] for column in self._order(number))
            positions = self._positions(components, counts)
            for which, position in zip(components.tolist(), positions.tolist(), strict=True):
                drawn.append(Draw(which, position, self._choice(which, start)))
                start += 1
        return drawn

    def redraw(self, number: int, attempt: int) -> Draw:
        """What takes the place of example `number` of the same component when it cannot be used; `attempt` from 1."""
        (first,) = self.draw(number, number + 1)
        rows = len(self.parts[first.component].rows)
        position = hash64(self.seed, "redraw", number, attempt) % rows
        return Draw(first.component, position, self._choice(first.component, number, attempt))

    def prompts(self, start: int, stop: int, encoder: Encoder | None = None) -> list[Prompt]:
        """Examples number `start` to `stop`, in order; a prompt that cannot be written is counted and left out."""
        written = self.write(self.draw(start, stop), encoder)
        return [prompt for prompt in written if prompt is not None]

    def write(self, draws: Sequence[Draw], encoder: Encoder | None = None) -> list[Prompt | None]:
        """The prompts of several draws; None, and counted, where one cannot be written.

        Exemplars are put before those whose choice has some, as many as the `encoder`'s budget holds. Raises
        `ValueError` when there are such and no encoder.
        """
        by_component: dict[int, list[int]] = {}
        for index, draw in enumerate(draws):
            by_component.setdefault(draw.component, []).append(index)
        written: list[Prompt | None] = [None] * len(draws)
        for which, indices in by_component.items():
            part = self.parts[which]
            examples = part.rows.examples([draws[index].position for index in indices])
            for index, example in zip(indices, examples, strict=True):
                choice = part.choices[draws[index].choice]
                try:
                    prompt = choice.writer.write(example)
                except SkipRow as reason:
                    self.unusable[example.task.name, str(reason)] += 1
                    continue
                written[index] = self._with_exemplars(prompt, draws[index], encoder) if choice.shots.count else prompt
        return written

    def shares(self, examples: int | None = None) -> list[Share]:
        """The mixture's table for a run of `examples` draws (default: one round)."""
        total = self.round if examples is None else examples
        return [
            Share(
                name=part.rows.task.name,
                cluster=part.rows.task.card.cluster,
                rows=len(part.rows),
                skipped=part.rows.skipped.total(),
                rate=part.rate,
                probability=part.rate / self.round,
                templates=len({choice.writer.name for choice in part.choices}),
                draws=total * part.rate / self.round,
                epochs=total * part.rate / self.round / len(part.rows),
                settings=_setting_shares(part),
                submixture=part.submixture,
            )
            for part in self.parts
        ]

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that decides what the examples are: cards, rows, settings, rates and seed."""
        digest = hashlib.sha256(f"{self.seed}".encode())
        for part in self.parts:
            digest.update(part.fingerprint.encode())
        return digest.hexdigest()[:16]

    def _choice(self, which: int, number: int, attempt: int = 0) -> int:
        key = ("choice", number) if not attempt else ("choice", number, attempt)
        return int(np.searchsorted(self.parts[which].bounds, uniform(self.seed, *key), side="right"))

    def _with_exemplars(self, prompt: Prompt, draw: Draw, encoder: Encoder | None) -> Prompt:
        if encoder is None:
            raise ValueError("exemplars are counted in tokens, so a setting that has some needs an encoder")
        part, choice = self.parts[draw.component], self.parts[draw.component].choices[draw.choice]
        key = draw.component, draw.choice
        if key not in self._few_shot:
            self._few_shot[key] = FewShot(choice.writer, part.rows, choice.shots, encoder)
        return self._few_shot[key].extend(shorten([prompt], encoder))[0].prompt

    def _order(self, number: int) -> tuple[Numbers, Numbers]:
        """The components a round draws, in order, and how often each was drawn before: int64, shape [round] both.

        The last round asked for is kept, since windows walk through rounds.
        """
        kept = self._kept
        if kept is None or kept[0] != number:
            slots = permutation(self.round, hash64(self.seed, "round", number))
            components = np.searchsorted(self._ends, slots, side="right")
            sorted_by_component = np.argsort(components, kind="stable")
            counts = np.empty_like(components)
            counts[sorted_by_component] = np.arange(self.round)
            counts += number * self._rates[components] - (self._ends - self._rates)[components]
            self._kept = kept = number, components, counts
        return kept[1:]

    def _positions(self, components: Numbers, counts: Numbers) -> Numbers:
        """Where among its rows each draw stands: every epoch of a component has an order of its own."""
        rows = np.array([len(part.rows) for part in self.parts])[components]
        epochs, positions = np.divmod(counts, rows)
        for which, epoch in sorted(set(zip(components.tolist(), epochs.tolist(), strict=True))):
            part, mine = self.parts[which], (components == which) & (epochs == epoch)
            key = hash64(self.seed, "epoch", part.rows.task.name, epoch)
            positions[mine] = permute_many(positions[mine], len(part.rows), key)
        return positions


def _setting_shares(part: Component) -> dict[str, float]:
    weights: dict[str, float] = dict.fromkeys((choice.setting for choice in part.choices), 0.0)
    for choice in part.choices:
        weights[choice.setting] += choice.weight
    total = sum(weights.values())
    return {setting: weight / total for setting, weight in weights.items()}
