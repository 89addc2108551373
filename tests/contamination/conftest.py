"""What the tests of this folder compare with: the same, done plainly."""

import string
import unicodedata

import pytest


def plain_words(text):
    """The words of a text, a character at a time."""
    kept = []
    for character in text:
        if character.isspace() or character < " ":
            kept.append(" ")
        elif character.isascii():
            kept.append("" if character in string.punctuation + "\x7f" else character.lower())
        elif not unicodedata.category(character).startswith(("P", "S", "Cf", "Cn", "Co")):
            small = character.lower().replace("ς", "σ")
            kept.append(small if len(small) == 1 else character)
    return "".join(kept).split(" ")


@pytest.fixture
def words_of():
    return lambda text: [word for word in plain_words(text) if word]


@pytest.fixture
def grams_of(words_of):
    def grams(text, size):
        words = words_of(text)
        return {" ".join(words[at : at + size]) for at in range(len(words) - size + 1)}

    return grams
