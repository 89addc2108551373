"""Rows of DeepMind Mathematics' module algebra__linear_1d, made here, since no open copy of the data loads.

Written from scratch after the rules of Saxton et al. 2019 (arXiv 1904.01557) and their published generator. A budget of
"entropy", in decimal digits, is spent on one equation: a quarter of it (at least one digit) on the solution, between
a third and two thirds of the rest on the coefficient of the unknown, and what is left on writing that coefficient and
the constant as sums of several terms. Each term goes to the left or the right side at random.

Training rows have budgets between 3 and 10, test rows ("interpolation") of 8. All arithmetic is on integers, so the
answers are exact. The draws are our own: the same rules, not the same rows.
"""

from __future__ import annotations

import math
import random
from string import ascii_lowercase

TRAIN_ENTROPY = (3.0, 10.0)
TEST_ENTROPY = (8.0, 8.0)

_UNKNOWNS = ascii_lowercase.replace("e", "")  # e is Euler's number in these data


def linear_equations(count: int, seed: int, entropy: tuple[float, float] = TRAIN_ENTROPY) -> list[dict[str, str]]:
    """Return `count` distinct rows, `{"question": "Solve 3*x - 2 = 7 for x.", "answer": "3"}`, the same for one seed.

    `entropy` bounds the budget that is drawn for each equation: `TRAIN_ENTROPY` or `TEST_ENTROPY`.
    """
    draw = random.Random(seed)
    rows: dict[str, str] = {}
    while len(rows) < count:
        question, answer = _equation(draw, draw.uniform(*entropy))
        rows[question] = answer
    return [{"question": question, "answer": answer} for question, answer in rows.items()]


def _equation(draw: random.Random, budget: float) -> tuple[str, str]:
    for_solution = max(1.0, budget / 4)
    solution = _integer(draw, for_solution)
    budget = max(1.0, budget - for_solution)

    share = draw.uniform(1 / 3, 2 / 3)
    coefficient = _nonzero(draw, max(1.0, budget * share))
    constant = coefficient * solution

    fewest = 3 if constant else 2
    terms = draw.randint(fewest, max(fewest, 2 + int(budget / 2)))
    of_unknown, of_constant = _term_counts(draw, terms, constant)
    spread = (1 - share) * budget
    for_unknown = spread * _portion(draw, of_unknown, of_constant)
    unknown = draw.choice(_UNKNOWNS)
    parts = [(part, unknown) for part in _summands(draw, coefficient, of_unknown, for_unknown)]
    parts += [(-part, "") for part in _summands(draw, constant, of_constant, spread - for_unknown)]

    left, right = [], []
    for part, letter in parts:
        if draw.random() < 0.5:
            left.append((part, letter))
        else:
            right.append((-part, letter))
    return f"Solve {_side(left)} = {_side(right)} for {unknown}.", str(solution)


def _term_counts(draw: random.Random, terms: int, constant: int) -> tuple[int, int]:
    """How many terms the unknown gets and how many the constant gets; a constant of zero cannot be one term."""
    if constant:
        of_unknown = 1 + sum(draw.random() < 0.5 for _ in range(terms - 2))
        return of_unknown, terms - of_unknown
    of_constant = draw.choice([number for number in range(terms) if number != 1])
    return terms - of_constant, of_constant


def _portion(draw: random.Random, of_unknown: int, of_constant: int) -> float:
    """The unknown's part of the budget for splitting; a single term needs none."""
    if of_unknown < 2 or of_constant < 2:
        return 1.0 if of_unknown > 1 else 0.0
    return draw.betavariate(of_unknown - 1, of_constant - 1)


def _summands(draw: random.Random, total: int, count: int, budget: float) -> list[int]:
    """`count` integers, none of them zero, that add up to `total`."""
    if count == 0:
        return []
    while True:
        weights = [draw.expovariate(1.0) for _ in range(count - 1)]
        parts = [_nonzero(draw, max(1.0, budget * weight / sum(weights))) for weight in weights]
        parts.append(total - sum(parts))
        if parts[-1]:
            draw.shuffle(parts)
            return parts


def _integer(draw: random.Random, digits: float) -> int:
    bound = math.ceil(10**digits / 2)
    return draw.randint(-bound, bound)


def _nonzero(draw: random.Random, digits: float) -> int:
    while True:
        if number := _integer(draw, digits):
            return number


def _side(parts: list[tuple[int, str]]) -> str:
    """The terms of one side as the data write them: `-3*x + x - 5`, or `0` where there are none."""
    written = ""
    for number, letter in parts:
        size = letter if letter and abs(number) == 1 else f"{abs(number)}{'*' + letter if letter else ''}"
        sign = "-" if number < 0 else "+"
        written += f" {sign} {size}" if written else f"{'-' if number < 0 else ''}{size}"
    return written or "0"
