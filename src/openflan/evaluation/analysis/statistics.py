"""Intervals and tests over additive statistics (see `openflan.evaluation.metrics`).

What is resampled is the *unit*: an example, not a prompt, since ten templates put the same example into words and their
answers go together; for MultiRC it is the question, whose answers go together as well. Weights are drawn by unit number
from a seed, so two models, two templates or two metrics of one dataset meet the very same resamples, and differences
are paired without further ado.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openflan.data.order import hash64

Array = NDArray[np.float64]
Score = Callable[[Array], Array]
"""Sums of statistics [..., s] → scores, e.g. [..., m]."""

SAMPLES = 1000
_CHUNK = 100

_MANY = 1_000_000
_THREADS = 8
"""Draws from which on threads share the chunks, and how many threads at most: each holds a chunk of draws."""


def shown(value: float, signed: bool = False) -> str:
    """A number with one digit after the point, never with a sign before zero."""
    rounded = round(value, 1) + 0.0
    return f"{rounded:+.1f}" if signed and rounded else f"{rounded:.1f}"


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """The value, and half the width of its interval."""
        return f"{shown(self.value)} ±{shown((self.high - self.low) / 2)}"


def interval(value: float, replicates: Array, coverage: float = 0.95) -> Interval:
    """The percentile interval of bootstrap replicates [samples], with the value itself inside.

    A resample that has nothing to measure (NaN), as may be where few units say something, does not count.
    """
    tail = (1 - coverage) / 2
    known = replicates[~np.isnan(replicates)]
    low, high = np.quantile(known if len(known) else np.array([value]), [tail, 1 - tail])
    return Interval(float(value), min(float(low), float(value)), max(float(high), float(value)))


def with_width(value: float, replicates: Array, units: int, key: int, low: float, high: float) -> Array:
    """The replicates, or draws in their place where resampling says nothing because all units are alike.

    Of `units` units none was different; the share that may be, in the population, then has the distribution Beta(1,
    units) (its 95 % bound is Clopper and Pearson's), and each such unit may lie anywhere between `low` and `high`.
    """
    if not units or float(np.ptp(replicates)) > 1e-9:
        return replicates
    generator = np.random.default_rng(hash64("width", key, units))
    share = 1 - generator.uniform(size=len(replicates)) ** (1 / units)
    toward = np.where(generator.uniform(low, high, size=len(replicates)) < value, low, high)
    drawn: Array = value + share * (toward - value)
    return drawn


def unit_sums(statistics: Array, units: NDArray[np.int64], count: int) -> Array:
    """Add up the statistics [n, s] of the prompts of each unit: [count, s]; absent units stay zero."""
    sums = np.zeros((count, statistics.shape[1]))
    np.add.at(sums, units, statistics)
    return sums


def bootstrap(sums: Array, score: Score, key: int, samples: int = SAMPLES) -> Array:
    """Scores of `samples` resamples of the units.

    `sums` is [..., units, s] (leading axes: templates, say), and `score` gets [samples, ..., s]. Equal `key` and number
    of units mean equal resamples.
    """
    return bootstraps([sums], score, key, samples)[0]


def bootstraps(systems: Sequence[Array], score: Score, key: int, samples: int = SAMPLES) -> list[Array]:
    """`bootstrap` of several systems on the same units, whose resamples are drawn once."""
    units, starts = systems[0].shape[-2], range(0, samples, _CHUNK)

    def scored(start: int) -> list[Array]:
        weights = _resamples(units, key, start, min(_CHUNK, samples - start))
        return [score(_weighted(weights, sums)) for sums in systems]

    if units * samples < _MANY:
        chunks = list(map(scored, starts))
    else:  # drawing and adding up take no turns for the interpreter
        with ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS)) as pool:
            chunks = list(pool.map(scored, starts))
    return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]


def _resamples(units: int, key: int, start: int, count: int) -> Array:
    """How often each unit is drawn in the resamples from number `start` on: [count, units]."""
    generator = np.random.default_rng(hash64("bootstrap", key, start))
    return generator.multinomial(units, np.full(units, 1 / units), size=count).astype(np.float64)


def _weighted(weights: Array, sums: Array) -> Array:
    """[w, units] weights over [..., units, s] sums: [w, ..., s]."""
    return np.tensordot(weights, sums, axes=([1], [sums.ndim - 2]))


def permutation_test(first: Array, second: Array, statistic: Score, key: int, samples: int = SAMPLES) -> float:
    """Two-sided p-value of the difference between two systems on the same units, by approximate randomization.

    Under the null hypothesis it makes no difference which system gave which answers to a unit, so they are swapped
    unit by unit at random (Noreen 1989). `first` and `second` are [..., units, s]; `statistic` maps sums [..., s] to
    one number per leading sample, e.g. the mean of a score over templates.
    """
    both, gap = first + second, first - second
    total, observed = both.sum(axis=-2), _difference(both.sum(axis=-2), gap.sum(axis=-2), statistic)
    hits = 0
    for start in range(0, samples, _CHUNK):
        generator = np.random.default_rng(hash64("permutation", key, start))
        signs = generator.choice([-1.0, 1.0], size=(min(_CHUNK, samples - start), first.shape[-2]))
        swapped = _difference(total, _weighted(signs, gap), statistic)
        hits += int((np.abs(swapped) >= np.abs(observed) - 1e-9).sum())
    return (hits + 1) / (samples + 1)


def _difference(both: Array, gap: Array, statistic: Score) -> Array:
    """The statistic of one system less the other's, from the sum and the difference of their statistics."""
    return statistic((both + gap) / 2) - statistic((both - gap) / 2)
