"""vLLM and llama.cpp in process, played by modules with their surface over the tiny model."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from small_models import EOS, VOCABULARY, assert_close, byte_encoder, byte_tokenizer, small_model_of, some_requests

from openflan.errors import ModelError, OpenflanError
from openflan.evaluation.scoring.model import ModelScorer
from openflan.interop.backends.llamacpp import LlamaCpp
from openflan.interop.backends.scorer import EngineScorer
from openflan.interop.backends.selftest import self_test
from openflan.interop.backends.vllm import VLLM

torch.set_num_threads(1)


def logits(tokens):
    with torch.inference_mode():
        return small_model_of("llama")(torch.tensor([list(tokens)])).logits[0]


class FakeLLM:
    """What of vLLM's `LLM` is used."""

    def __init__(self, model, dtype, enable_prefix_caching, seed):
        if not Path(model).is_dir():
            raise ValueError(f"{model} is not a folder")
        assert enable_prefix_caching is False
        self.llm_engine = types.SimpleNamespace(model_config=types.SimpleNamespace(max_model_len=256))

    def generate(self, prompts, asked, use_tqdm):
        return [self._output(prompt["prompt_token_ids"], asked) for prompt in prompts]

    def _output(self, ids, asked):
        said = logits(ids).log_softmax(-1)
        listed = [None]
        for place, token in enumerate(ids[1:]):
            best = int(said[place].argmax())
            listed.append({one: types.SimpleNamespace(logprob=said[place, one].item()) for one in {best, token}})
        written = []
        while len(written) < asked.max_tokens:
            token = int(logits([*ids, *written])[-1].argmax())
            if token in (asked.stop_token_ids or [EOS]):
                break
            written.append(token)
        text = byte_tokenizer().decode(written)
        return types.SimpleNamespace(prompt_logprobs=listed, outputs=[types.SimpleNamespace(text=text)])


class FakeParameters(types.SimpleNamespace):
    """vLLM's `SamplingParams`."""

    stop_token_ids = None


class FakeLlama:
    """What of llama-cpp-python's `Llama` is used; `eval` goes on from `n_tokens`, and `scores` are logits."""

    metadata = {"general.architecture": "llama", "llama.context_length": "256"}  # noqa: RUF012
    evaluated = 0

    def __init__(self, model_path, verbose, vocab_only=False, n_ctx=512, logits_all=False, n_gpu_layers=0):
        self.n_tokens, self._ids = 0, []
        self.scores = np.zeros((n_ctx, VOCABULARY), dtype=np.float32)
        self._all = logits_all

    def n_vocab(self):
        return VOCABULARY

    def eval(self, tokens):
        assert self._all and tokens
        self._ids = [*self._ids[: self.n_tokens], *tokens]
        self.scores[self.n_tokens : len(self._ids)] = logits(self._ids)[self.n_tokens :].numpy()
        self.n_tokens = len(self._ids)
        FakeLlama.evaluated += len(tokens)

    def detokenize(self, tokens):
        return byte_tokenizer().decode(tokens).encode()

    def close(self):
        pass


@pytest.fixture(params=["vllm", "llamacpp"])
def engine(request, monkeypatch, tmp_path):
    if request.param == "vllm":
        module = types.SimpleNamespace(LLM=FakeLLM, SamplingParams=FakeParameters, __version__="0")
        monkeypatch.setitem(sys.modules, "vllm", module)
        return VLLM(str(tmp_path))
    monkeypatch.setitem(sys.modules, "llama_cpp", types.SimpleNamespace(Llama=FakeLlama, __version__="0"))
    (tmp_path / "tiny.gguf").touch()
    return LlamaCpp(str(tmp_path / "tiny.gguf"))


def test_scores_and_answers_equal_the_torch_engines(engine):
    encoder, requests = byte_encoder("newline"), some_requests(8)
    scorer = EngineScorer(engine, encoder)
    ours = ModelScorer(small_model_of("llama"), encoder)
    found, expected = dict(scorer.rank(requests)), dict(ours.rank(requests))
    assert sorted(found) == sorted(expected)
    for number, ranking in found.items():
        assert_close(ranking.logprobs, expected[number].logprobs)
    inputs = ["the cat sat", "rain fell over the"]
    assert dict(scorer.generate(inputs, 8, ["zz"])) == dict(ours.generate(inputs, 8, ["zz"]))
    assert max(self_test(engine, encoder)) < 0
    engine.close()


def test_what_options_share_is_computed_once(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "llama_cpp", types.SimpleNamespace(Llama=FakeLlama, __version__="0"))
    (tmp_path / "tiny.gguf").touch()
    encoder, [request] = byte_encoder("newline"), some_requests(1)
    FakeLlama.evaluated = 0
    dict(EngineScorer(LlamaCpp(str(tmp_path / "tiny.gguf")), encoder).rank([request]))
    sequences = [tokens for tokens, _ in encoder.options(request.input, request.options)]
    assert FakeLlama.evaluated < sum(map(len, sequences)) / 2


def test_an_engine_that_contradicts_itself_is_found_out(engine, monkeypatch):
    honest = engine.logprobs

    def cached(questions):
        """As with cached prefixes: what was seen before counts for nothing."""
        for number, answer in honest(questions):
            yield number, [value if question.start < 2 else 0.0
                           for value, question in zip(answer, questions[number], strict=True)]  # fmt: skip

    monkeypatch.setattr(engine, "logprobs", cached)
    with pytest.raises(ModelError, match="contradicts itself"):
        self_test(engine, byte_encoder("newline"))


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "vllm", None)
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(OpenflanError, match="needs vllm"):
        VLLM(str(tmp_path))
    with pytest.raises(ModelError, match="no file"):
        LlamaCpp(str(tmp_path / "none.gguf"))
    (tmp_path / "tiny.gguf").touch()
    with pytest.raises(OpenflanError, match=r"pip install 'openflan\[llamacpp\]'"):
        LlamaCpp(str(tmp_path / "tiny.gguf"))
