"""Where sentences end, and where a full stop ends none."""

import pytest

from openflan.tasks.sentences import first_sentence, first_sentences, sentence_ends


@pytest.mark.parametrize(
    "sentence",
    [
        "Obesity is the No. 1 risk in the county, a doctor said.",
        "Gen. Orr spoke to St. Ives council on Monday.",
        "The U.S. Senate met at 5 p.m. Eastern time on Tuesday.",
        "Acme Inc. Chairman Ann Lee and Sen. John Roe disagreed.",
        "Please look at Deal No. QX12 before the weekend.",
        "It was held on Jan. 12 near Mt. Hood in the rain.",
        "He asked the court (Smith v. Jones) about it again.",
        'They wrote "the end." on the wall.',
    ],
)
def test_an_abbreviation_ends_no_sentence(sentence: str) -> None:
    assert first_sentence(f"{sentence} Then they all went home.") == sentence


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("She was asked and said no. Nobody had seen it.", "She was asked and said no."),
        ("Really? He did not know it at all. I did.", "Really? He did not know it at all."),
        ('"It is over for us." He left.', '"It is over for us."'),
        ("A title without an end\nThe text follows it.", "A title without an end"),
        ("no end at all", "no end at all"),
    ],
)
def test_first_sentence(text: str, first: str) -> None:
    assert first_sentence(text) == first


def test_ends_are_counted_once_each() -> None:
    assert len(list(sentence_ends("One is here. Two is there! Is it? Mr. Orr knows. It ends"))) == 4


def test_first_sentences_stop_before_the_limit_but_have_one() -> None:
    text = "One two three four. Five six seven. Eight nine."
    assert first_sentences(text, 7) == "One two three four. Five six seven."
    assert first_sentences(text, 2) == "One two three four."
    assert first_sentences(text, 20) == text
