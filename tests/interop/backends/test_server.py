"""A server's answers are the torch engine's; what it does wrong is survived, or named where it happened."""

from __future__ import annotations

import time
from collections import deque

import pytest
import torch
from completions_server import completions
from small_models import assert_close, byte_encoder, byte_tokenizer, small_model_of, some_requests

from openflan.errors import ModelError
from openflan.evaluation.scoring.interface import Failure, Ranking, RankRequest
from openflan.evaluation.scoring.model import ModelScorer
from openflan.interop.backends.connection import Connection
from openflan.interop.backends.scorer import EngineScorer
from openflan.interop.backends.selftest import probe_tokens, self_test
from openflan.interop.backends.server import Server
from openflan.interop.backends.spec import elsewhere

pytest.importorskip("httpx")
torch.set_num_threads(1)


def name(token):
    return byte_tokenizer().decode([token], skip_special_tokens=False)


def opened(address, model="", join="newline", **how):
    encoder = byte_encoder(join)
    connection = Connection(address, at_once=3, **{"timeout": 60.0, "tries": 4, "pause": 0.01, **how})
    return EngineScorer(Server(connection, model, probe_tokens(encoder), name, at_once=3), encoder)


def by_torch(requests, join="newline"):
    return dict(ModelScorer(small_model_of("llama"), byte_encoder(join)).rank(requests))


@pytest.mark.parametrize("join", ["eos", "newline", "space"])
@pytest.mark.parametrize("dialect", ["prompt_logprobs", "ids", "echo", "strict"])
def test_scores_equal_the_torch_engines(dialect, join):
    requests = some_requests(6)
    with completions(dialect=dialect) as (address, _):
        scorer = opened(address, join=join)
        found = dict(scorer.rank(requests, known={2}))
        assert max(self_test(scorer.engine, scorer.encoder)) < 0
    expected = by_torch(requests, join)
    assert sorted(found) == [0, 1, 3, 4, 5]
    for number, ranking in found.items():
        assert_close(ranking.logprobs, expected[number].logprobs)
        assert ranking.tokens == expected[number].tokens


def test_answers_are_the_torch_engines():
    inputs = ["the cat sat", "rain fell over", ""]
    with completions() as (address, server):
        found = dict(opened(address).generate(inputs, max_tokens=8, stop=["zz", "mat"]))
        assert server.bodies[-1]["temperature"] == 0
    assert found == dict(
        ModelScorer(small_model_of("llama"), byte_encoder("newline")).generate(inputs, 8, ["zz", "mat"])
    )


def test_ids_are_sent_and_a_known_answer_is_not_asked_for():
    requests = some_requests(3)
    with completions() as (address, server):
        scorer = opened(address)
        asked = len(server.bodies)
        assert list(scorer.rank(requests, known={0, 1, 2})) == []
        assert len(server.bodies) == asked
        list(scorer.rank(requests, known={0, 1}))
        [body] = server.bodies[asked:]
    assert body["prompt"] == [tokens for tokens, _ in scorer.encoder.options(requests[2].input, requests[2].options)]
    assert body["model"] == "tiny"


@pytest.mark.parametrize("fault", ["silence", "limit", "down", "cut", "hung up", "shuffled"])
def test_a_passing_fault_is_survived(fault):
    requests = some_requests(5)
    with completions() as (address, server):
        scorer = opened(address, timeout=2.0 if fault == "silence" else 60.0, tries=8)
        server.faults = deque([fault, "", fault])
        found = dict(scorer.rank(requests))
    expected = by_torch(requests)
    for number in range(5):
        assert_close(found[number].logprobs, expected[number].logprobs)


@pytest.mark.parametrize("dialect", ["prompt_logprobs", "ids", "echo"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("tokens", "other tokens came back than were sent"),
        ("short", "log-probabilities of"),
        ("count", "choices came for"),
        ("usage", "and the server read"),
        ("refused", "the prompt is too long"),
    ],
)
def test_a_wrong_answer_is_named_and_costs_its_request_only(dialect, fault, said):
    requests = some_requests(4)
    with completions(dialect=dialect) as (address, server):
        scorer = opened(address)
        server.faults = deque([fault])
        found = dict(scorer.rank(requests))
    failures = [answer for answer in found.values() if isinstance(answer, Failure)]
    assert len(found) == 4
    assert len(failures) == 1 and said in failures[0].reason
    assert all(isinstance(answer, Ranking | Failure) for answer in found.values())


def test_a_limit_is_everybodys_and_is_kept():
    with completions(retry_after="0.7") as (address, server):
        scorer = opened(address)
        server.faults = deque(["limit"])
        began = time.monotonic()
        assert len(dict(scorer.rank(some_requests(3)))) == 3
        assert time.monotonic() - began >= 0.7
        assert server.most_at_once <= 3


def test_a_server_that_is_gone_ends_the_work_with_what_there_is():
    with completions() as (address, server):
        scorer = opened(address, tries=2)
        server.constant = "down"
        with pytest.raises(ModelError, match=r"has stopped answering.*goes on from there"):
            list(scorer.rank(some_requests(40)))


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        ("none", "cannot score a prompt"),
        ("nulls", "the log-probability of token 1 is None"),
        ("chat", "a chat endpoint alone will not do"),
        ("llama.cpp", "llamacpp:FILE.gguf"),
    ],
)
def test_what_cannot_score_is_refused_with_the_reason(dialect, said):
    with completions(dialect=dialect) as (address, _), pytest.raises(ModelError, match=said):
        opened(address)


def test_the_model_is_the_one_that_is_named(monkeypatch):
    with completions(models=("one", "two"), key="secret") as (address, server):
        with pytest.raises(ModelError, match="has 2 models, one, two: name one after a #"):
            opened(address)
        with pytest.raises(ModelError, match="has no model 'three'"):
            opened(address, "three")
        with pytest.raises(ModelError, match="put the key into OPENFLAN_API_KEY"):
            opened(address, "two")
        monkeypatch.setenv("OPENFLAN_API_KEY", "secret")
        assert opened(address, "two").engine.about == {"engine": "server", "model": "two"}
        assert server.bodies[-1]["model"] == "two"
    with pytest.raises(ModelError, match="does not answer"):
        opened(address, tries=1)


def test_what_cannot_be_asked_is_not_sent():
    requests = [RankRequest("the cat", []), RankRequest("a " * 240, ["x"]), RankRequest("a", ["b", "b"])]
    with completions() as (address, server):
        scorer = opened(address)
        asked = len(server.bodies)
        found = dict(scorer.rank(requests))
        assert len(server.bodies) == asked
    assert found == dict(ModelScorer(small_model_of("llama"), byte_encoder("newline")).rank(requests))
    assert all(isinstance(answer, Failure) for answer in found.values())


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("server:", "names no model"),
        ("server:127.0.0.1:8000", "has no address"),
        ("server:http://host/v1/chat/completions", "is a chat endpoint"),
        ("server:https://me:secret@host/v1", "OPENFLAN_API_KEY"),
    ],
)
def test_names_that_cannot_be(model, said):
    with pytest.raises(ModelError, match=said):
        elsewhere(model)


def test_names_of_models_elsewhere():
    assert elsewhere("runs/mine") is None
    assert elsewhere("hub:org/name") is None
    found = elsewhere("server:http://host:8000/v1/completions#org/name")
    assert (found.place, found.model, found.called) == ("http://host:8000/v1", "org/name", "name")
    assert elsewhere("llamacpp:models/a.gguf").called == "a"
