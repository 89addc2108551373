import threading
from itertools import islice

import pytest
import torch
from small_models import CAUSAL, FAMILIES, byte_tokenizer, small_model_of
from tiny_playground import tiny

from openflan.data.encode import Format
from openflan.errors import ModelError
from openflan.playground.models import with_options
from openflan.playground.requests import Generate
from openflan.playground.sampling import Chooser, Sampling
from openflan.playground.turns import BusyError
from openflan.playground.writing import End, Limits, Piece


def finished(pieces) -> End:
    *texts, end = pieces
    assert all(isinstance(one, Piece) for one in texts)
    assert "".join(one.text for one in texts) == end.text
    return end


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_answers_are_those_of_an_evaluation(family):
    model = tiny(family)
    prompt = "the cat sat on a mat while rain fell"
    [(_, expected)] = model.scorer.generate([prompt], max_tokens=12)
    assert finished(model.write(prompt, Limits(12))).text.strip() == expected


def test_a_stop_string_ends_an_answer_and_is_never_shown_in_part():
    model = tiny()
    whole = finished(model.write("the cat", Limits(20))).text
    assert len(whole) > 8
    stop = whole[5:8]
    *pieces, end = model.write("the cat", Limits(20, (stop,)))
    assert end.reason == "stop" and end.text == whole[: whole.index(stop)]
    assert "".join(one.text for one in pieces) == end.text


def test_a_seed_gives_the_same_answer_whatever_else_is_written():
    model = tiny()
    how = Sampling(temperature=1.0, top_p=0.9, seed=3)
    alone = finished(model.write("people", Limits(10), how)).text
    both = [model.write("people", Limits(10), how), model.write("rain", Limits(10), Sampling(1.0, 1.0, 4))]
    texts = ["", ""]
    while both[0] is not None:  # Token by token, in turns.
        for number, work in enumerate(both):
            one = next(work, None) if work else None
            both[number] = work if one else None
            texts[number] += one.text if isinstance(one, Piece) else ""
    assert texts[0] == alone
    others = {finished(model.write("people", Limits(10), Sampling(1.0, 0.9, 3, sample))).text for sample in range(4)}
    assert len(others) == 4


def test_top_p_keeps_the_likeliest_alone():
    logprobs = torch.tensor([0.1, 0.5, 0.3, 0.1]).log()
    choose = Chooser(Sampling(temperature=1.0, top_p=0.5, seed=1))
    assert {choose(logprobs) for _ in range(50)} == {1}
    choose = Chooser(Sampling(temperature=1.0, top_p=0.7, seed=1))
    assert {choose(logprobs) for _ in range(50)} == {1, 2}
    assert {Chooser(Sampling(temperature=1.0, seed=n))(logprobs) for n in range(100)} == {0, 1, 2, 3}


@pytest.mark.parametrize("family", ["llama", "mamba", "gemma2"])
def test_echoed_logprobs_are_those_of_a_plain_forward_pass(family, monkeypatch):
    monkeypatch.setattr("openflan.playground.writing.READ_AT_ONCE", 7)
    model, ids = tiny(family), byte_tokenizer().encode("the cat sat on a mat while rain fell over old towns").ids
    end = finished(model.write_on(ids, Limits(1), Sampling(), likeliest=2, echo=True))
    with torch.no_grad():
        plain = small_model_of(family)(torch.tensor([ids]), use_cache=False).logits[0].log_softmax(-1)
    expected = [plain[place, token].item() for place, token in enumerate(ids[1:])]
    assert [token.logprob for token in end.read] == pytest.approx(expected, abs=1e-4)
    assert [token.likeliest[0][1] for token in end.read] == pytest.approx(plain.max(-1).values[:-1].tolist(), abs=1e-4)
    assert [token.id for token in end.tokens] == [plain[-1].argmax().item()]


def test_who_leaves_makes_room():
    model = tiny()
    model.turns.limit = 2
    writing = [model.write("the cat", Limits(50)) for _ in range(2)]
    assert all(next(work) for work in writing) and model.turns.inside == 2
    with pytest.raises(BusyError, match="2 answers are being made"):
        next(model.write("rain", Limits(5)))
    writing[0].close()
    assert model.turns.inside == 1 and next(model.write("rain", Limits(5)))


def test_first_tokens_go_before_others():
    turns, order = tiny().turns, []

    def take(name, first):
        with turns.turn(first=first):
            order.append(name)

    with turns.turn(first=False):
        threads = [threading.Thread(target=take, args=one) for one in [("old", False), ("new", True), ("newer", True)]]
        for number, thread in enumerate(threads):
            thread.start()
            while len(turns._waiting) <= number:
                pass
    for thread in threads:
        thread.join()
    assert order == ["new", "newer", "old"]


def test_what_does_not_fit_is_a_sentence():
    model = tiny()
    with pytest.raises(ModelError, match=r"the prompt has [\d,]+ tokens; with 256 for the answer .* the 256 that tiny"):
        next(model.write("mat " * 300))
    with pytest.raises(ModelError, match=r"the options cannot be ranked: .* the same"):
        model.rank("the cat", ["sat", "sat"])
    with pytest.raises(ModelError, match="tokens beyond the 320"):
        next(model.write_on([1, 400], Limits(1), Sampling()))
    with pytest.raises(ModelError, match="encoder-decoder"):
        next(tiny("t5").write_on([1, 4], Limits(1), Sampling(), echo=True))


def test_an_answer_may_be_as_long_as_a_target_and_ends_with_the_context():
    assert Limits().max_tokens == Generate(model="m", instruction="i").max_tokens == Format().target_length
    model = tiny()
    prompt = "mat " * 40
    room = model.context - len(model.prefix(prompt))
    model.scorer.ends = frozenset()
    *_, end = model.write(prompt)
    assert (len(end.tokens), end.reason) == (room, "length")


def test_a_model_out_of_memory_is_a_sentence_and_works_again(monkeypatch):
    model = tiny()
    forward = type(model.scorer.model).forward

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(type(model.scorer.model), "forward", fail)
    with pytest.raises(ModelError, match=r"ran out of memory on \d+ tokens"):
        list(model.write("the cat"))
    monkeypatch.setattr(type(model.scorer.model), "forward", forward)
    assert finished(model.write("the cat", Limits(3))).tokens and model.turns.inside == 0


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_ranks_are_those_of_an_evaluation(family):
    model, options = tiny(family), ["a mat", "rain", "old towns"]
    ranked = model.rank("the cat sat on", options)
    assert [one.option for one in ranked] == options
    assert sum(one.share for one in ranked) == pytest.approx(1)
    best = max(ranked, key=lambda one: one.logprob)
    assert best.share == max(one.share for one in ranked) and best.per_token == best.logprob / best.tokens


def test_the_prompt_is_shown_as_the_model_gets_it():
    shown = tiny().show(with_options("the cat?", ["yes", "no"]))
    assert shown.text == "the cat?\n\nOPTIONS:\n- yes\n- no\n"
    assert "".join(text for _, text in shown.tokens) == shown.text


def test_pieces_never_end_within_a_character():
    seen = [one.text for one in islice(tiny(CAUSAL[1]).write("é", Limits(40), Sampling(1.5, seed=5)), 40)]
    assert not any(text.endswith("\N{REPLACEMENT CHARACTER}") for text in seen[:-2])
