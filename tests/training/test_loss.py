import pytest
import torch
import torch.nn.functional as F
from training_support import ROW, VOCABULARY, llama, stream

from openflan.errors import ModelError
from openflan.training.loss import CausalLoss, summed_loss
from openflan.training.proof import expect_equal, prove_isolation

torch.set_num_threads(1)


def gradients(model):
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


def separate_loss(model, rows):
    total = torch.zeros(())
    for sequence in rows.sequences():
        tokens = torch.tensor([sequence.tokens])
        logits = model(input_ids=tokens, use_cache=False).logits[0, :-1]
        first = max(1, sequence.start)
        total = total + F.cross_entropy(logits[first - 1 :], tokens[0, first:], reduction="sum")
    return total


def test_packed_equals_separate_in_loss_and_gradients():
    rows = stream().rows(0)[:6]
    alone, packed = llama(), llama()
    expected = separate_loss(alone, rows)
    expected.backward()
    loss = CausalLoss(packed)
    actual = loss(loss.batch(rows, "cpu"))
    actual.backward()
    torch.testing.assert_close(actual, expected)
    for name, gradient in gradients(packed).items():
        torch.testing.assert_close(gradient, gradients(alone)[name], atol=2e-5, rtol=1e-4)


def test_chunks_change_neither_loss_nor_gradients():
    states, targets = torch.randn(37, 32), torch.randint(VOCABULARY, (37,))
    found = []
    for chunk in (5, 100):
        model, leaf = llama(), states.clone().requires_grad_()
        loss = summed_loss(model, leaf, targets, chunk)
        loss.backward()
        found.append((loss.detach(), leaf.grad, model.lm_head.weight.grad))
    for some, whole in zip(*found, strict=True):
        torch.testing.assert_close(some, whole, atol=1e-5, rtol=1e-5)


def test_scaled_and_capped_logits_are_the_models_own():
    from transformers import CohereConfig, CohereForCausalLM, GraniteConfig, GraniteForCausalLM

    settings = {"vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1}
    heads = {
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "bos_token_id": None,
        "eos_token_id": 1,
        "pad_token_id": 0,
    }
    for model in (
        CohereForCausalLM(CohereConfig(**settings, **heads, logit_scale=0.3)),
        GraniteForCausalLM(GraniteConfig(**settings, **heads, logits_scaling=4.0)),
    ):
        prove_isolation(CausalLoss(model), model, torch.device("cpu"))


def test_logits_that_differ_are_refused():
    with pytest.raises(ModelError, match="cannot be trained on packed rows"):
        expect_equal(llama(), torch.randn(5, 9), torch.randn(5, 9))


def test_rows_without_labels_have_no_loss_but_a_graph():
    rows = stream().rows(0)[:1]
    rows.labelled[:] = False
    loss = CausalLoss(llama())
    total = loss(loss.batch(rows, "cpu"))
    total.backward()
    assert total.item() == 0
    assert rows.tokens.shape == (1, ROW)
