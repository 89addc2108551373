"""Encoder-decoder models: an input is encoded once for all of its options, whatever stands between it and them."""

from __future__ import annotations

import pytest
from small_models import assert_close, byte_encoder, plain_logprobs, small_model_of, some_requests

from openflan.evaluation.scoring.interface import Ranking
from openflan.evaluation.scoring.model import ModelScorer


@pytest.mark.parametrize("join", ["eos", "apart"])
def test_options_share_their_inputs_pass_through_the_encoder(join: str):
    model, encoder, requests = small_model_of("t5"), byte_encoder(join), some_requests()
    encoded: list[int] = []
    hook = model.get_encoder().register_forward_hook(lambda module, args, states: encoded.append(len(states[0])))
    try:
        found = dict(ModelScorer(model, encoder).rank(requests))
    finally:
        hook.remove()
    assert sum(encoded) == len(requests) < sum(len(request.options) for request in requests)
    for number, request in enumerate(requests):
        ranking = found[number]
        assert isinstance(ranking, Ranking)
        assert_close(ranking.logprobs, plain_logprobs(model, encoder, request))


def test_apart_leaves_eos_out_of_inputs_and_ends_targets_with_it():
    encoder, with_eos = byte_encoder("apart"), byte_encoder("eos")
    ((tokens, start),) = encoder.pairs([("the cat", "sat")])
    ((theirs, later),) = with_eos.pairs([("the cat", "sat")])
    assert later == start + 1
    assert tokens == [*theirs[:start], *theirs[later:]]
    assert tokens[-1] == encoder.eos not in tokens[:start]
    assert encoder.prefixes(["the cat"]) == [tokens[:start]]
    assert encoder.halves("the cat", "sat") == ("the cat", "sat<eos>")
