import pytest

from openflan.tasks.prepare import function
from openflan.tasks.prepare.sentence_pairs import plain_questions


@pytest.mark.parametrize(
    ("cell", "question"),
    [
        ("How deep is Lake Baikal?", "How deep is Lake Baikal?"),
        ('"What does ""carpe diem"" mean?"', 'What does "carpe diem" mean?'),
        ('"""Less is more."" Who said so?"', '"Less is more." Who said so?'),
        ('"Who wrote ""Emma"""', 'Who wrote "Emma"'),
        ('What does "carpe diem" mean?', 'What does "carpe diem" mean?'),
        ('"Emma" or "Persuasion"', '"Emma" or "Persuasion"'),
        ("  Why is the\tsky  blue? ", "Why is the sky blue?"),
        ('"', '"'),
        ('""', ""),
        ("", ""),
    ],
)
def test_plain_questions_undoes_csv_quoting(cell: str, question: str) -> None:
    row = {"question1": cell, "question2": "Is it?", "label": "duplicate"}
    assert plain_questions(row) == {"question1": question, "question2": "Is it?"}


def test_cards_can_name_it() -> None:
    assert function("plain_questions") is plain_questions
