import pytest

from openflan.tasks.prepare import SkipRow
from openflan.tasks.prepare.formatting import without_capitals, without_punctuation, without_spaces


def row(text):
    return {"translation": {"en": text}}


@pytest.mark.parametrize(
    ("text", "damaged"),
    [
        ("Yes, it's 5.30 p.m.", "Yes its 530 pm"),
        ("Funen - a guide (2nd ed.)", "Funen  a guide 2nd ed"),
        ("snake_case stays; café too!", "snake_case stays café too"),
        ("“Quoted” …", "Quoted"),
    ],
)
def test_all_but_words_and_spaces_is_struck(text, damaged):
    assert without_punctuation(row(text)) == {"text": text, "damaged": damaged}


def test_capitals_are_lowered():
    assert without_capitals(row(" A Day in ODENSE ")) == {"text": "A Day in ODENSE", "damaged": "a day in odense"}


def test_words_are_closed_up():
    assert without_spaces(row("Opening hours:\tnine to five")) == {
        "text": "Opening hours:\tnine to five",
        "damaged": "Openinghours:ninetofive",
    }


@pytest.mark.parametrize(
    ("function", "text", "reason"),
    [
        (without_punctuation, "no marks here", "no punctuation"),
        (without_punctuation, "* * *", "nothing but"),
        (without_punctuation, "  ", "no English"),
        (without_capitals, "read more...", "no capitals"),
        (without_spaces, "Contact", "no spaces"),
    ],
)
def test_text_with_nothing_to_restore_is_left_out(function, text, reason):
    with pytest.raises(SkipRow, match=reason):
        function(row(text))
