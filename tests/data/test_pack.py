import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.data.encode import Encoded
from openflan.data.pack import concatenate, pack

LENGTH = 24


@st.composite
def sequences(draw, longest=LENGTH):
    tokens = draw(st.lists(st.integers(1, 99), min_size=2, max_size=longest))
    return Encoded(tokens, draw(st.integers(1, len(tokens) - 1)))


@given(st.lists(sequences()))
def test_every_sequence_comes_back_whole_and_once(given_sequences):
    packed = pack(given_sequences, LENGTH)
    assert sorted(packed.sequences()) == sorted(given_sequences)
    assert packed.filled == sum(len(sequence.tokens) for sequence in given_sequences)


@given(st.lists(sequences()))
def test_layout_of_a_row(given_sequences):
    packed = pack(given_sequences, LENGTH)
    for tokens, segments, labelled in zip(packed.tokens, packed.segments, packed.labelled, strict=True):
        filled = np.count_nonzero(segments)
        assert (segments[:filled] > 0).all()
        assert (tokens[filled:] == 0).all()
        assert set(np.diff(segments[:filled])) <= {0, 1}
        assert segments[0] == 1
        firsts = np.flatnonzero(np.diff(segments, prepend=0))
        assert not labelled[firsts].any()
        assert not labelled[filled:].any()


@given(st.lists(sequences()))
def test_packing_is_a_function_of_its_input(given_sequences):
    once, again = pack(given_sequences, LENGTH), pack(list(given_sequences), LENGTH)
    assert np.array_equal(once.tokens, again.tokens)
    assert np.array_equal(once.segments, again.segments)


def test_examples_of_many_lengths_fill_rows_to_99_percent():
    lengths = np.clip(np.random.default_rng(0).lognormal(4.6, 0.7, 4096).astype(int), 8, 1000).tolist()
    packed = pack([Encoded([1] * length, length - 2) for length in lengths], 2048)
    assert packed.filled / packed.tokens.size >= 0.99


def test_a_sequence_without_prefix_has_no_label_on_its_first_token():
    packed = pack([Encoded([5, 6, 7], 0)], 4)
    assert packed.labelled.tolist() == [[False, True, True, False]]


def test_too_long_a_sequence_is_refused():
    with pytest.raises(ValueError, match="9 tokens does not fit a row of 8"):
        pack([Encoded([1] * 9, 1)], 8)


def test_nothing_packs_to_no_rows():
    assert len(pack([], 8)) == 0


def test_rows_can_be_cut_and_joined():
    packed = pack([Encoded([number] * 7, 3) for number in range(1, 6)], 8)
    joined = concatenate([packed[:2], packed[2:]])
    assert np.array_equal(joined.labelled, packed.labelled)
