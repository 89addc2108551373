import re
from fractions import Fraction

import pytest

from openflan.data.math_rows import TEST_ENTROPY, linear_equations

QUESTION = re.compile(r"Solve (?P<left>.+) = (?P<right>.+) for (?P<unknown>[a-df-z])\.")
TERM = re.compile(r"(?P<sign>-?)(?P<number>\d+)?\*?(?P<letter>[a-z])?")


def side(text: str) -> tuple[int, int]:
    """(coefficient of the unknown, constant) of one side."""
    coefficient = constant = 0
    for written in text.replace(" - ", " + -").split(" + "):
        term = TERM.fullmatch(written)
        assert term, written
        number = int(term["number"] or 1) * (-1 if term["sign"] else 1)
        if term["letter"]:
            coefficient += number
        else:
            constant += number
    return coefficient, constant


def solution(question: str) -> Fraction:
    found = QUESTION.fullmatch(question)
    assert found, question
    (a, b), (c, d) = side(found["left"]), side(found["right"])
    return Fraction(d - b, a - c)


@pytest.mark.parametrize("entropy", [(3.0, 10.0), TEST_ENTROPY])
def test_every_answer_is_the_exact_solution(entropy):
    rows = linear_equations(2000, seed=7, entropy=entropy)
    assert all(solution(row["question"]) == int(row["answer"]) for row in rows)


def test_rows_are_distinct_and_the_seed_decides_them():
    rows = linear_equations(500, seed=1)
    assert len({row["question"] for row in rows}) == 500
    assert rows == linear_equations(500, seed=1)
    assert rows[:10] == linear_equations(10, seed=1)
    assert rows != linear_equations(500, seed=2)


def test_rows_look_like_the_data():
    rows = linear_equations(2000, seed=3)
    assert all(set(row) == {"question", "answer"} for row in rows)
    assert not any(re.search(r"\b1\*|\+ -|\b0[*\d]|= *$|[+-] 0", row["question"]) for row in rows)
    answers = [int(row["answer"]) for row in rows]
    assert min(answers) < -100
    assert max(answers) > 100
    assert max(map(abs, answers)) <= 159
    assert any(" 0 = " in row["question"] or " = 0 " in row["question"] for row in rows)


def test_no_rows():
    assert linear_equations(0, seed=1) == []
