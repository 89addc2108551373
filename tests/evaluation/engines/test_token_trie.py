import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openflan.evaluation.engines.token_trie import Trie, shared_length

SEQUENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=7), min_size=1, max_size=9)


def trie_of(sequences: list[list[int]], held: int = 0) -> Trie:
    return Trie([np.array(tokens) for tokens in sequences], held)


@given(SEQUENCES)
def test_paths_spell_the_sequences_and_equal_beginnings_are_one(sequences):
    sequences.sort()
    trie = trie_of(sequences)
    for tokens, path in zip(sequences, trie.paths, strict=True):
        assert trie.tokens[path].tolist() == tokens
        assert trie.depths[path].tolist() == list(range(len(tokens)))
    beginnings = {tuple(tokens[:length]) for tokens in sequences for length in range(1, len(tokens) + 1)}
    assert len(trie) == len(beginnings)


@given(SEQUENCES)
def test_a_node_lies_below_another_iff_it_is_within_its_range(sequences):
    """In any order of sequences, shared or not."""
    trie = trie_of(sequences)
    above = {int(node): set(path[: place + 1].tolist()) for path in trie.paths for place, node in enumerate(path)}
    for node, ancestors in above.items():
        seen = {other for other in range(len(trie)) if other <= node < trie.ends[other]}
        assert seen == ancestors
        assert set(trie.ancestors(node).tolist()) == ancestors - {node}


@given(SEQUENCES, st.integers(0, 3))
def test_held_tokens_are_nodes_but_not_new(sequences, held):
    sequences.sort()
    held = min(held, len(sequences[0]))
    trie, whole = trie_of(sequences, held), trie_of(sequences)
    assert (len(trie), trie.new) == (len(whole), len(whole) - held)
    assert all((one == other).all() for one, other in zip(trie.paths, whole.paths, strict=True))


@given(st.lists(st.integers(0, 1)), st.lists(st.integers(0, 1)))
def test_shared_length(one, other):
    length = shared_length(np.array(one, dtype=int), np.array(other, dtype=int))
    assert one[:length] == other[:length]
    assert length in (len(one), len(other)) or one[length] != other[length]
