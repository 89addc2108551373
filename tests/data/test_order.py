import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.data.order import hash64, permutation, permute, uniform

keys = st.integers(min_value=0, max_value=2**64 - 1)


@given(st.integers(min_value=1, max_value=3000), keys)
def test_permutation_is_a_bijection(size, key):
    assert sorted(permutation(size, key)) == list(range(size))


@given(st.integers(min_value=1, max_value=10**12), keys, st.data())
def test_one_position_agrees_with_the_whole_and_stays_inside(size, key, data):
    position = data.draw(st.integers(min_value=0, max_value=size - 1))
    assert 0 <= permute(position, size, key) < size
    if size < 2000:
        assert permutation(size, key)[position] == permute(position, size, key)


def test_the_functions_are_fixed_for_ever():
    """Data order, and so every published number, rests on these values."""
    assert hash64("seed", 0) == 7153081393935839771
    assert permutation(8, 1).tolist() == [7, 6, 2, 5, 3, 1, 0, 4]
    assert permutation(2000, 1)[:6].tolist() == [1681, 997, 352, 262, 138, 426]


def test_spelling_does_not_collide():
    assert len({hash64("a", "b"), hash64("ab"), hash64("a", "b", ""), hash64(1, 2), hash64(12), hash64("1", "2")}) == 6


def test_keys_give_unrelated_orders():
    first, second = permutation(10_000, 1), permutation(10_000, 2)
    assert (first == second).mean() < 0.01
    assert abs(np.corrcoef(first, np.arange(10_000))[0, 1]) < 0.05


def test_uniform_covers_the_unit_interval():
    draws = np.array([uniform("u", i) for i in range(2000)])
    assert draws.min() >= 0 and draws.max() < 1 and abs(draws.mean() - 0.5) < 0.03


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_every_order_of_a_few_things_is_equally_likely(size: int) -> None:
    """Chi-square over all orders: its mean is their number less one, its deviation the root of twice that."""
    orders, draws = math.factorial(size), 40 * math.factorial(size)
    counts = Counter(tuple(permutation(size, key)) for key in range(draws))
    assert len(counts) == orders
    chi = sum((count - 40) ** 2 / 40 for count in counts.values())
    assert abs(chi - (orders - 1)) < 4 * math.sqrt(2 * (orders - 1))


@pytest.mark.parametrize("size", [*range(2, 51), 1024, 1025, 1500])
def test_every_place_is_equally_likely_for_every_position(size: int) -> None:
    """Chi-square over (position, tenth of the places)."""
    draws, some = 600, slice(0, 50)
    counts = np.zeros((min(size, 50), 10))
    for key in range(draws):
        places = permutation(size, key)[some] * min(size, 10) // size
        counts[np.arange(len(places)), places] += 1
    bins = min(size, 10)
    expected = np.array(
        [draws * sum(place * bins // size == one for place in range(size)) / size for one in range(bins)]
    )
    chi = ((counts[:, :bins] - expected) ** 2 / expected).sum()
    freedom = len(counts) * (bins - 1)
    assert chi < freedom + 5 * math.sqrt(2 * freedom)
