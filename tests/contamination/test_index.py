import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openflan.contamination.index import Index
from openflan.contamination.words import Words, normalise

FEW_WORDS = st.lists(st.sampled_from(["a", "b", "tree"]), max_size=40).map(" ".join)


def found_in(index, corpus):
    """The n-grams of an index that are found, by the number of their text."""
    hits = index.find(Words.of(normalise(corpus.encode())), index.nothing_found())
    found: dict[int, set[str]] = {}
    for member, _ in hits:
        text = index.words.gram(member, int(index.sizes[member])).decode()
        found.setdefault(int(index.owners[member]), set()).add(text)
    return found


def expected_in(texts, sizes, corpus, grams_of):
    pairs = enumerate(zip(texts, sizes, strict=True))
    shared = {number: grams_of(text, size) & grams_of(corpus, size) for number, (text, size) in pairs}
    return {number: grams for number, grams in shared.items() if grams}


SAME = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@SAME
@given(st.lists(st.tuples(FEW_WORDS, st.integers(8, 13)), min_size=1, max_size=6), FEW_WORDS)
def test_what_is_found_is_what_both_have(grams_of, pairs, corpus):
    texts, sizes = zip(*pairs, strict=True)
    index = Index.of([text.encode() for text in texts], sizes)
    assert found_in(index, corpus) == expected_in(texts, sizes, corpus, grams_of)


def test_equal_hashes_are_told_apart_by_their_text(monkeypatch, grams_of):
    def same(words, size, places=None):
        count = max(0, len(words) - size + 1) if places is None else len(places)
        return np.zeros(count, np.uint64)

    monkeypatch.setattr(Words, "grams", same)
    monkeypatch.setattr(Words, "eights", property(lambda words: np.zeros(max(0, len(words) - 7), np.uint64)))
    texts = ["one two three four five six seven eight nine", "9 8 7 6 5 4 3 2 1", "a b c d e f g h"]
    corpus = "zero one two three four five six seven eight nine ten 8 7 6 5 4 3 2 1 0"
    sizes = [8, 8, 8]
    assert found_in(Index.of([text.encode() for text in texts], sizes), corpus) == expected_in(
        texts, sizes, corpus, grams_of
    )


def test_an_n_gram_ends_with_its_text():
    index = Index.of([b"a b c d", b"e f g h i j k l"], [8, 8])
    assert found_in(index, "a b c d e f g h") == {}
    assert found_in(index, "e f g h i j k l") == {1: {"e f g h i j k l"}}


def test_nothing_to_look_for_finds_nothing():
    assert found_in(Index.of([b"", b"too short"], [8, 13]), "a b c d e f g h i j k l m n") == {}
    assert found_in(Index.of([], []), "a b c d e f g h i j k l m n") == {}
    assert found_in(Index.of([b"a b c d e f g h"], [8]), "a b c") == {}


def test_what_was_found_is_not_found_again():
    index = Index.of([b"a b c d e f g h", b"a b c d e f g h i"], [8, 8])
    corpus = Words.of(b"a b c d e f g h and a b c d e f g h i")
    state = index.nothing_found()
    assert len(list(index.find(corpus, state))) == 3
    assert list(index.find(corpus, state)) == []
    assert index.owners[state.members].tolist() == [0, 1, 1]
