import numpy as np
import pytest

from openflan.evaluation.analysis.statistics import (
    Interval,
    bootstrap,
    interval,
    permutation_test,
    unit_sums,
    with_width,
)


def mean(sums):
    return 100 * sums[..., 0] / sums[..., 1]


def statistics(values):
    return np.stack([values, np.ones(len(values))], axis=-1)


def test_the_interval_of_a_mean_is_the_normal_one():
    values = (np.arange(400) % 4 == 0).astype(float)
    replicates = bootstrap(statistics(values), mean, key=1, samples=4000)
    expected = 1.96 * 100 * values.std() / np.sqrt(len(values))
    found = interval(25.0, replicates)
    assert found.low == pytest.approx(25 - expected, abs=0.5)
    assert found.high == pytest.approx(25 + expected, abs=0.5)
    assert str(found).startswith("25.0 ±4.")


def test_intervals_cover_the_truth_as_often_as_they_say():
    generator = np.random.default_rng(0)
    inside = 0
    for trial in range(200):
        values = (generator.random(120) < 0.7).astype(float)
        found = interval(100 * values.mean(), bootstrap(statistics(values), mean, key=trial, samples=300))
        inside += found.low <= 70 <= found.high
    assert 0.9 <= inside / 200 <= 0.99


def test_templates_of_one_example_are_resampled_together():
    """Ten copies of an answer are no more evidence than one."""
    values = (np.arange(100) % 2).astype(float)
    alone = bootstrap(statistics(values), mean, key=3)
    units = np.repeat(np.arange(100), 10)
    together = bootstrap(unit_sums(statistics(np.repeat(values, 10)), units, 100), mean, key=3)
    np.testing.assert_allclose(alone, together)


def test_the_same_key_gives_the_same_resamples_for_every_model():
    first, second = (np.random.default_rng(seed).random(50) for seed in (1, 2))
    gap = bootstrap(statistics(second), mean, key=9) - bootstrap(statistics(first), mean, key=9)
    np.testing.assert_allclose(gap, bootstrap(statistics(second - first), mean, key=9))
    assert not np.array_equal(bootstrap(statistics(first), mean, key=9), bootstrap(statistics(first), mean, key=10))


def test_resamples_keep_leading_axes():
    sums = np.random.default_rng(0).random((3, 20, 2))
    assert bootstrap(sums, mean, key=0, samples=150).shape == (150, 3)


def test_p_values_are_uniform_when_nothing_differs_and_small_when_much_does():
    generator = np.random.default_rng(0)
    values = []
    for trial in range(100):
        first, second = (statistics((generator.random(60) < 0.5).astype(float)) for _ in range(2))
        values.append(permutation_test(first, second, mean, key=trial, samples=200))
    assert 0.35 < np.mean(values) < 0.75
    assert np.mean(np.array(values) < 0.05) < 0.12
    better = statistics(np.ones(60))
    assert permutation_test(better, statistics((np.arange(60) % 2).astype(float)), mean, key=0) < 0.01
    assert permutation_test(better, better, mean, key=0) == 1


@pytest.mark.parametrize(("value", "low", "high"), [(100.0, 0.0, 100.0), (0.0, 0.0, 100.0), (0.0, -100.0, 100.0)])
def test_units_that_are_all_alike_leave_as_much_open_as_their_number_says(value, low, high):
    few, many = (interval(value, with_width(value, np.full(4000, value), units, 7, low, high)) for units in (3, 300))
    assert few.low <= value <= few.high
    assert low <= few.low < few.high <= high
    # Clopper and Pearson: none of 3 leaves 71 % open on the one side; none of 300, 1.2 %.
    reach = max(value - few.low, few.high - value)
    assert 55 < reach < 75
    assert max(value - many.low, many.high - value) < 1.5


def test_replicates_with_a_width_are_left_alone():
    replicates = np.array([1.0, 2.0, 3.0])
    assert with_width(2.0, replicates, 3, 0, 0.0, 100.0) is replicates


def test_a_resample_that_has_nothing_to_measure_does_not_count():
    replicates = np.array([1.0, np.nan, 3.0, np.nan, 2.0])
    assert interval(2.0, replicates) == interval(2.0, np.array([1.0, 3.0, 2.0]))
    assert interval(2.0, np.full(4, np.nan)) == Interval(2.0, 2.0, 2.0)
