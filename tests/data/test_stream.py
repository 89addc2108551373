import itertools

import numpy as np
import pytest
from made_mixture import MadeMixture

from openflan.data.encode import Encoder, Format
from openflan.data.pack import concatenate
from openflan.data.prompt import Prompt
from openflan.data.stream import Position, Stream, row_order
from openflan.errors import OpenflanError

ROW = 32


class Letters:
    """A tokenizer with one token per character."""

    def encode_batch_fast(self, texts, *, add_special_tokens):
        return [Letters.Encoding([ord(letter) for letter in text]) for text in texts]

    encode_batch = encode_batch_fast

    class Encoding:
        def __init__(self, ids):
            self.ids, self.offsets = ids, [(i, i + 1) for i in range(len(ids))]


def made(i, attempt=0):
    i += 1000 * attempt
    return Prompt("long" if i % 5 else "short", "0", i, "x" * (1 + i % 20), "y" * (1 + i % 7))


def mixture():
    return MadeMixture(made, "letters")


def stream(read=None, **changes):
    encoder = Encoder(Letters(), Format(target_length=changes.pop("target_length", 256)), eos=1)
    return Stream(read or mixture(), encoder, **{"row_length": ROW, "window": 30, **changes})


def tokens(steps):
    return np.concatenate([step.rows.tokens for step in steps])


@pytest.mark.parametrize("rows", [1, 3, 7, 40])
def test_the_rows_do_not_depend_on_how_many_are_taken_at_once(rows):
    one_by_one = tokens(itertools.islice(stream().steps(1), 2 * rows))
    assert np.array_equal(one_by_one, tokens(itertools.islice(stream().steps(rows), 2)))


def test_resuming_at_any_step_goes_on_exactly():
    steps = list(itertools.islice(stream().steps(5), 12))
    for index, step in enumerate(steps[:-1]):
        following = next(stream().steps(5, step.after))
        assert np.array_equal(following.rows.tokens, steps[index + 1].rows.tokens)
        assert following.after == steps[index + 1].after


def test_resuming_reads_one_window_however_far():
    read = mixture()
    next(stream(read).steps(1, Position(100_000, 0)))
    assert read.asked == [(3_000_000, 3_000_030)]


def test_a_window_holds_each_of_its_examples_once():
    whole = stream()
    prompts = [made(i) for i in range(30, 60)]
    expected = whole.encoder.pairs([(prompt.input, prompt.target) for prompt in prompts])
    assert sorted(whole.rows(1).sequences()) == sorted(expected)


def test_rows_are_shuffled_by_seed_and_window():
    assert row_order(50, 0, 0).tolist() == row_order(50, 0, 0).tolist()
    orders = {tuple(row_order(50, seed, window)) for seed in range(3) for window in range(3)}
    assert len(orders) == 9
    assert all(sorted(order) == list(range(50)) for order in orders)


def test_another_example_takes_the_place_of_one_whose_target_is_too_long():
    short = stream(target_length=5)
    rows = concatenate([short.rows(0), short.rows(1)])
    sequences = list(rows.sequences())
    assert all(len(sequence.tokens) - sequence.start <= 5 for sequence in sequences)
    assert len(sequences) == 60, "no place stays empty"
    too_long = [made(i) for i in range(60) if len(made(i).target) + 1 > 5]
    assert not short.dropped
    assert short.redrawn.total() >= len(too_long)
    assert set(short.redrawn) == {f"{name}: target over 5 tokens" for name in ("long", "short")}


def test_long_targets_may_be_cut_and_closed_instead():
    whole, cut = stream(), stream(target_length=5, long_targets="cut")
    for (tokens, start), (short, same) in zip(whole.sequences(0), cut.sequences(0), strict=True):
        assert same == start
        assert short == (tokens if len(tokens) - start <= 5 else [*tokens[: start + 4], tokens[-1]])


def test_a_place_that_no_draw_fills_stays_empty_and_is_counted():
    never = MadeMixture(lambda i, attempt: made(i) if i % 3 else None)
    some = stream(never)
    assert len(some.sequences(0)) == 20
    assert some.dropped.total() == 10


def test_sequences_longer_than_a_row_are_counted():
    narrow = stream(row_length=16)
    narrow.rows(0)
    assert narrow.redrawn["long: longer than a row"] > 0


def test_a_mixture_that_never_fits_is_an_error():
    with pytest.raises(OpenflanError, match="no example of the mixture fits"):
        next(stream(row_length=2).steps(1))


def test_the_fingerprint_follows_what_the_rows_follow_from():
    same, others = (
        stream().fingerprint,
        [stream(seed=1), stream(row_length=64), stream(window=31), stream(target_length=5)],
    )
    assert stream().fingerprint == same
    assert len({same, *(other.fingerprint for other in others)}) == 5
