import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openflan.contamination.words import APART, Words, normalise, plain

SAME_WORDS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@SAME_WORDS
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.sampled_from([0, 3000]))
def test_words_are_those_of_the_text_a_character_at_a_time(words_of, text, padding):
    text += " x" * padding  # Long texts with few characters beyond ASCII go another way.
    normalised = normalise(plain(text.encode()))
    assert normalised.decode().split() == words_of(text)
    words = Words.of(normalised)
    assert [words.gram(k, 1).decode() for k in range(len(words))] == words_of(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's “quoted” — isn't it?", "its quoted isnt it"),
        ("ΟΔΟΣ οδος Ünïcode ÉTÉ", "οδοσ οδοσ ünïcode été"),
        (
            "no\u00a0break\u3000space\u2028line soft\u00adhyphen zero\u200bwidth",
            "no break space line softhyphen zerowidth",
        ),
        ("a - b -- c", "a b c"),
        ("price: $3.50 (50% off)", "price 350 50 off"),
        ("日本語、テスト。", "日本語テスト"),
    ],
)
def test_spellings_of_the_same_words_are_the_same(text, expected):
    assert normalise(text.encode()).split() == expected.encode().split()


def test_what_is_not_utf8_is_no_letter():
    assert normalise(b"caf\xe9 \xff\xfe ok").split() == [b"caf", b"ok"]


def test_equal_words_have_equal_hashes_wherever_they_stand():
    text = "a bb ccc dddd eeeeeeee fffffffff " + "g" * 80 + " " + "g" * 81
    words = Words.of(normalise(f"{text} pad {text}".encode()))
    half = len(text.split())
    assert np.array_equal(words.hashes[:half], words.hashes[half + 1 :])
    assert len(set(words.hashes[:half].tolist())) == half - 1  # The last two differ in their 81st letter alone.


@pytest.mark.parametrize("size", [8, 9, 12, 13])
def test_grams_hash_all_of_their_words(size):
    sequence = [f"w{number}" for number in range(20)]
    words = Words.of(" ".join(sequence).encode())
    hashes = words.grams(size)
    assert len(hashes) == 20 - size + 1
    for changed in range(20):
        other = Words.of(" ".join([*sequence[:changed], "other", *sequence[changed + 1 :]]).encode()).grams(size)
        assert [at for at in range(len(hashes)) if hashes[at] != other[at]] == [
            at for at in range(len(hashes)) if at <= changed < at + size
        ]


def test_texts_are_kept_apart_and_cannot_break_that():
    joined = normalise(APART.join([plain(b"one two\0three"), b"four"]))
    assert joined.split() == [b"one", b"two", b"three", b"\0", b"four"]


def test_nothing_has_no_words():
    for text in (b"", b" ", b"...", "—".encode()):
        words = Words.of(normalise(text))
        assert len(words) == 0
        assert len(words.eights) == 0
