"""The model's answers: the same numbers as a plain forward pass, however the work is divided."""

import copy

import pytest
import torch
from small_models import (
    CAUSAL,
    EOS,
    FAMILIES,
    UNSHARED,
    WORDS,
    assert_close,
    byte_encoder,
    plain_logprobs,
    small_model_of,
    some_requests,
)
from tokenizers import Tokenizer, normalizers
from transformers import PreTrainedTokenizerFast

from openflan.data.encode import Format
from openflan.evaluation.engines.base import PaddedEngine
from openflan.evaluation.engines.shared_prefix import SharedEngine
from openflan.evaluation.scoring.interface import Failure, RankRequest
from openflan.evaluation.scoring.model import ModelScorer
from openflan.model.encoder import encoder_for
from openflan.model.load import load_model, load_tokenizer

torch.set_num_threads(1)


@pytest.mark.parametrize("join", ["eos", "newline", "space"])
@pytest.mark.parametrize("family", FAMILIES)
def test_logprobs_equal_a_plain_forward_pass(family, join):
    model, encoder, requests = small_model_of(family), byte_encoder(join), some_requests()
    scorer = ModelScorer(model, encoder, token_budget=100)
    answers = dict(scorer.rank(requests))
    assert sorted(answers) == list(range(len(requests)))
    for number, request in enumerate(requests):
        assert_close(answers[number].logprobs, plain_logprobs(model, encoder, request))
        assert answers[number].tokens == [len(t) - s for t, s in encoder.options(request.input, request.options)]


@pytest.mark.parametrize("family", CAUSAL)
def test_only_models_whose_attention_can_be_replaced_share(family):
    engine = ModelScorer(small_model_of(family), byte_encoder())._engine
    assert isinstance(engine, PaddedEngine if family in UNSHARED else SharedEngine)


@pytest.mark.parametrize("family", ["llama", "mistral", "gemma2", "gpt_oss", "bloom", "t5"])
@pytest.mark.parametrize("budget", [1, 60, 100_000])
def test_neither_batches_nor_order_nor_company_matter(family, budget):
    requests = some_requests(20)
    scorer = ModelScorer(small_model_of(family), byte_encoder(), token_budget=budget)
    expected = dict(ModelScorer(small_model_of(family), byte_encoder()).rank(requests))
    backwards = dict(scorer.rank(requests[::-1]))
    for number, request in enumerate(requests):
        assert_close(backwards[len(requests) - 1 - number].logprobs, expected[number].logprobs)
        if number % 5 == 0:
            ((_, alone),) = scorer.rank([request])
            assert_close(alone.logprobs, expected[number].logprobs)


def test_each_shared_token_is_computed_once(monkeypatch):
    """A fixed block before forty prompts, over several batches, goes through the model one time."""
    block = " ".join(WORDS * 3)
    requests = [RankRequest(f"{block} {word} {other}", ("cat", "rain")) for word in WORDS[:8] for other in WORDS[:5]]
    model, encoder = copy.deepcopy(small_model_of("llama")), byte_encoder()
    scorer = ModelScorer(model, encoder, token_budget=100)
    sizes = []
    forward = model.forward
    monkeypatch.setattr(
        model, "forward", lambda **inputs: sizes.append(inputs["input_ids"].numel()) or forward(**inputs)
    )
    assert len(list(scorer.rank(requests))) == 40
    beginnings = {
        tuple(tokens[:length])
        for request in requests
        for tokens, _ in encoder.options(request.input, request.options)
        for length in range(1, len(tokens))
    }
    assert len(sizes) > 3
    assert sum(sizes) == len(beginnings)


def test_what_cannot_be_scored_says_why_and_the_rest_is_done():
    good = RankRequest("rain fell", ("cat", "mat"))
    requests = [
        good,
        RankRequest("rain", ()),
        RankRequest("rain", ("cat", " ")),
        RankRequest("rain", ("cat", "mat", "cat")),
        RankRequest("rain " * 300, ("cat", "mat")),
        RankRequest("rain " * 180, ("rain " * 100, "mat")),
        RankRequest("rain \ud800", ("cat", "mat")),
        good,
    ]
    answers = dict(ModelScorer(small_model_of("llama"), byte_encoder()).rank(requests))
    assert sorted(answers) == list(range(8))
    reasons = [answer.reason if isinstance(answer, Failure) else "" for _, answer in sorted(answers.items())]
    assert reasons[1] == "no options to rank"
    assert reasons[2] == "option 2 of 2 is empty"
    assert reasons[3] == "options 1 and 3 are the same: 'cat'"
    assert "over the limit of 200 (input_length)" in reasons[4]
    assert "over the model's context of 256" in reasons[5]
    assert "not valid Unicode" in reasons[6]
    assert reasons[0] == reasons[7] == ""
    assert_close(answers[0].logprobs, answers[7].logprobs)


def test_a_tokenizer_that_is_not_the_models_is_told():
    model = FAMILIES["llama"]()
    model.resize_token_embeddings(60)
    ((_, answer),) = ModelScorer(model, byte_encoder()).rank([RankRequest("rain", ("cat", "mat"))])
    assert "beyond the model's vocabulary of 60" in answer.reason


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory")])
def test_the_budget_adapts_when_memory_runs_out(monkeypatch, error):
    requests = [*some_requests(20), RankRequest(" ".join(WORDS * 3), ("rain fell over", "mat"))]
    model = copy.deepcopy(small_model_of("llama"))
    expected = dict(ModelScorer(model, byte_encoder()).rank(requests))
    scorer = ModelScorer(model, byte_encoder())
    forward = model.forward

    def small_memory(**inputs):
        if inputs["input_ids"].numel() > 40:
            raise error
        return forward(**inputs)

    monkeypatch.setattr(model, "forward", small_memory)
    answers = dict(scorer.rank(requests))
    assert sorted(answers) == list(range(21))
    assert answers[20].reason.startswith("no memory for ")
    for number in range(20):
        if not isinstance(answers[number], Failure):
            assert_close(answers[number].logprobs, expected[number].logprobs)
    assert sum(isinstance(answer, Failure) for answer in answers.values()) < 6


def test_other_errors_are_not_taken_for_want_of_memory(monkeypatch):
    model = copy.deepcopy(small_model_of("llama"))
    scorer = ModelScorer(model, byte_encoder())

    def broken(**inputs):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(model, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        list(scorer.rank(some_requests(2)))


def test_an_empty_input_has_eos_before_it():
    model, encoder = small_model_of("llama"), byte_encoder("space")
    request = RankRequest("", ("cat", "rain fell"))
    ((_, answer),) = ModelScorer(model, encoder).rank([request])
    assert_close(answer.logprobs, plain_logprobs(model, encoder, request))


def test_the_model_is_left_as_it_was():
    model = copy.deepcopy(small_model_of("llama")).train()
    model.config._attn_implementation = "eager"
    scorer = ModelScorer(model, byte_encoder())
    list(scorer.rank(some_requests(2)))
    list(scorer.generate(["rain"], 4))
    assert model.training
    assert model.config._attn_implementation == "eager"
    assert all(parameter.requires_grad for parameter in model.parameters())
    model(torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss.backward()


REAL_REQUESTS = [
    RankRequest(
        "Rain fell over the town. Did it rain?\n\nOPTIONS:\n- yes\n- it is not possible to tell\n- no",
        ("yes", "it is not possible to tell", "no"),
    ),
    RankRequest("The capital of France is", ("Paris", "Lyon", "a city on the Rhine")),
]


@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox", "qwen3"])
def test_logprobs_equal_those_of_lm_eval(family):
    encoder = byte_encoder("space")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=encoder.tokenizer, eos_token="<eos>", pad_token="<eos>")
    assert_parity_with_lm_eval(small_model_of(family), tokenizer, encoder, some_requests(6))


def test_the_default_models_logprobs_equal_those_of_lm_eval(small_model):
    model, encoder = load_model(small_model, dtype="float32"), encoder_for(small_model, Format(join="space"))
    assert_parity_with_lm_eval(model, load_tokenizer(small_model), encoder, REAL_REQUESTS)


def assert_parity_with_lm_eval(model, tokenizer, encoder, requests):
    lm_eval = pytest.importorskip("lm_eval.models.huggingface", reason="lm-eval is not installed")
    from lm_eval.api.instance import Instance

    peer = lm_eval.HFLM(pretrained=model, tokenizer=tokenizer, batch_size=4, backend="causal")
    pairs = [(request.input, f" {option}") for request in requests for option in request.options]
    asked = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
    expected = iter(logprob for logprob, _ in peer.loglikelihood(asked, disable_tqdm=True))
    answers = dict(ModelScorer(model, encoder).rank(requests))
    for number, request in enumerate(requests):
        # Two float32 kernels (MKL's and oneDNN's) on 30 layers: up to 1.3e-4 between them was seen on one processor.
        assert_close(answers[number].logprobs, [next(expected) for _ in request.options], atol=2e-4)


@pytest.mark.parametrize("join", ["eos", "space"])
def test_the_default_models_logprobs_equal_a_plain_forward_pass(join, small_model):
    model, encoder = load_model(small_model, dtype="float32"), encoder_for(small_model, Format(join=join))
    answers = dict(ModelScorer(model, encoder).rank(REAL_REQUESTS))
    for number, request in enumerate(REAL_REQUESTS):
        assert_close(answers[number].logprobs, plain_logprobs(model, encoder, request))


def greedy(model, prefix: list[int], count: int) -> list[int]:
    """What the model writes, one whole forward pass per token."""
    source, written = torch.tensor([prefix]), []
    for _ in range(count):
        with torch.no_grad():
            if model.config.is_encoder_decoder:
                begun = torch.tensor([[model.config.decoder_start_token_id, *written]])
                logits = model(input_ids=source, decoder_input_ids=begun).logits
            else:
                logits = model(torch.tensor([[*prefix, *written]])).logits
        token = int(logits[0, -1].argmax())
        if token == EOS:
            break
        written.append(token)
    return written


@pytest.mark.parametrize("budget", [1, 40, 100_000])
@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_answers_are_the_models_whatever_the_batches(family, budget):
    model, encoder = small_model_of(family), byte_encoder()
    inputs = [request.input for request in some_requests(8)]
    answers = dict(ModelScorer(model, encoder, token_budget=budget).generate(inputs, 9))
    assert sorted(answers) == list(range(8))
    for number, prefix in enumerate(encoder.prefixes(inputs)):
        assert answers[number] == encoder.decode(greedy(model, prefix, 9))


@pytest.mark.parametrize("family", ["llama", "bloom", "t5"])
def test_answers_end_before_the_first_stop_string(family):
    model, encoder = small_model_of(family), byte_encoder()
    inputs = [request.input for request in some_requests(6)]
    whole = dict(ModelScorer(model, encoder).generate(inputs, 12))
    stop = max(whole.values(), key=len)[1:3]
    stopped = dict(ModelScorer(model, encoder).generate(inputs, 12, (stop, "never")))
    assert any(stop in text for text in whole.values())
    for number, text in whole.items():
        assert stopped[number] == text.split(stop)[0].strip()


def test_inputs_too_long_to_answer_say_so():
    answers = dict(ModelScorer(small_model_of("llama"), byte_encoder()).generate(["rain", "rain " * 300], 4))
    assert isinstance(answers[0], str)
    assert "input_length" in answers[1].reason


@pytest.mark.parametrize("family", ["llama", "bloom", "t5"])
def test_every_end_token_of_the_model_ends_an_answer(family):
    model, encoder = copy.deepcopy(small_model_of(family)), byte_encoder()
    (prefix,) = encoder.prefixes(["the cat sat"])
    written = greedy(model, prefix, 9)
    end = written[3]
    model.generation_config.eos_token_id = [EOS, end]
    ((_, answer),) = ModelScorer(model, encoder).generate(["the cat sat"], 9)
    assert answer == encoder.decode(written[: written.index(end)])


@pytest.mark.parametrize("family", ["llama", "bloom", "t5"])
def test_greedy_is_greedy_whatever_the_models_own_settings(family):
    model, encoder = copy.deepcopy(small_model_of(family)), byte_encoder()
    expected = dict(ModelScorer(model, encoder).generate(["the cat sat", "rain"], 9))
    settings = model.generation_config
    settings.repetition_penalty, settings.no_repeat_ngram_size, settings.min_new_tokens = 5.0, 1, 9
    settings.suppress_tokens, settings.forced_bos_token_id, settings.do_sample = [7, 8, 9, 10], 5, True
    assert dict(ModelScorer(model, encoder).generate(["the cat sat", "rain"], 9)) == expected
    assert model.generation_config is settings


@pytest.mark.parametrize("family", ["llama", "bloom", "t5"])
def test_work_that_goes_on_gives_the_very_same_numbers(family, monkeypatch):
    monkeypatch.setattr("openflan.evaluation.scoring.batches._LEAST", 8)
    monkeypatch.setattr("openflan.evaluation.scoring.batches._BUDGET_PER_PROMPT", 1000)
    requests = [*some_requests(40), RankRequest("rain", ()), RankRequest("cat", ())]
    scorer = ModelScorer(small_model_of(family), byte_encoder(), token_budget=100)
    whole = dict(scorer.rank(requests))
    for known in (set(range(0, 42, 2)), set(range(30)), set(range(42)), {7}):
        assert dict(scorer.rank(requests, known)) == {n: whole[n] for n in range(42) if n not in known}
    inputs = [request.input for request in requests]
    texts = dict(scorer.generate(inputs, 4))
    assert dict(scorer.generate(inputs, 4, (), {1, 2, 3})) == {n: texts[n] for n in texts if n not in {1, 2, 3}}


def test_what_is_known_costs_nothing(monkeypatch):
    scorer = ModelScorer(small_model_of("llama"), byte_encoder())
    monkeypatch.setattr(scorer._engine, "rank", lambda *_: pytest.fail("ran"))
    assert list(scorer.rank(some_requests(5), range(5))) == []


def test_weights_that_change_between_two_calls_change_the_scores():
    model, encoder = copy.deepcopy(small_model_of("llama")), byte_encoder()
    scorer, requests = ModelScorer(model, encoder), some_requests(4)
    list(scorer.rank(requests))
    list(scorer.generate([requests[1].input], 4))
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(-1)
    for number, answer in scorer.rank(requests):
        assert_close(answer.logprobs, plain_logprobs(model, encoder, requests[number]))


def test_an_option_without_a_token_is_told_and_takes_no_other_score():
    encoder = byte_encoder("space")
    silent = Tokenizer.from_str(encoder.tokenizer.to_str())
    silent.normalizer = normalizers.Replace(" \N{ZERO WIDTH SPACE}", "")
    encoder.tokenizer = silent
    asked = [RankRequest("the", ("cat", "\N{ZERO WIDTH SPACE}", "mat")), RankRequest("the", ("cat", "mat"))]
    answers = dict(ModelScorer(small_model_of("llama"), encoder).rank(asked))
    assert answers[0].reason == "option 2 of 3 has no token that could be scored"
    assert len(answers[1].logprobs) == 2
