"""Submixtures: parts of a mixture with weights of their own, as the Flan Collection mixes its sources.

Within a submixture a dataset's share is its rate's; between submixtures the weights decide, however many rows there
are. Weights of submixtures of which nothing is at hand fall to the others: what is left is brought to a sum of 1.

Source: Longpre et al. 2023, and its code (`flan/v2`): five sources, weighted 0.40, 0.32, 0.20, 0.05 and 0.03.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from openflan.data.limits import RateRule
from openflan.data.settings import Settings
from openflan.lists import Listed
from openflan.ranges import Count, Positive

if TYPE_CHECKING:
    from openflan.data.mixture import Component

_LEAST_ROUND = 10_000
"""A round that is no shorter has every weight to a hundredth of a per cent."""


@dataclass(frozen=True)
class Submixture:
    """A part of a mixture. What it leaves empty is as the data section says."""

    tasks: Annotated[tuple[str, ...], Listed]
    """What it trains on: presets, clusters, groups of cards, datasets and `dataset:variant`."""
    weight: Positive
    """How often it is drawn from, against the other submixtures."""
    settings: Settings | None = None
    """How its prompts are put."""
    rate: RateRule | None = None
    """What the rate cap is one of."""
    rate_cap: Count | None = None
    """Rows beyond this add no weight to a dataset within the submixture."""
    templates: Count | None = None
    """How many of each dataset's templates are used, the first ones."""


def shares_of(weights: Mapping[str, float], present: Iterable[str]) -> dict[str, float]:
    """The weights of the submixtures that are at hand, in their order, brought to a sum of 1.

    >>> shares_of({"flan": 0.4, "t0": 0.32, "cot": 0.1}, ["flan", "cot"])
    {'flan': 0.8, 'cot': 0.2}
    """
    there = set(present)
    kept = {name: weight for name, weight in weights.items() if name in there}
    total = sum(kept.values())
    return {name: weight / total for name, weight in kept.items()}


def weighted(parts: Sequence[Component], weights: Mapping[str, float]) -> list[Component]:
    """The components with rates that give every submixture its weight, and within it every dataset its part.

    A round is as long as the rates add up to, and 10,000 draws at least; a dataset keeps one draw of it.
    """
    rates: dict[str, int] = {}
    for part in parts:
        rates[part.submixture] = rates.get(part.submixture, 0) + part.rate
    shares = shares_of(weights, rates)
    length = max(sum(rates.values()), _LEAST_ROUND)
    return [
        replace(part, rate=max(1, round(length * shares[part.submixture] * part.rate / rates[part.submixture])))
        for part in parts
    ]
