import pytest
import torch
import torch.nn.functional as F
import transformers
from packaging.version import Version
from training_support import VOCABULARY, config, stream, t5, tokenizer
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from openflan.errors import ModelError
from openflan.model.load import load_model
from openflan.training.loop import train
from openflan.training.loss import EncoderDecoderLoss
from openflan.training.proof import prove_isolation

torch.set_num_threads(1)


def umt5():
    torch.manual_seed(0)
    sizes = {"vocab_size": VOCABULARY, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    return UMT5ForConditionalGeneration(UMT5Config(**sizes, decoder_start_token_id=0, dropout_rate=0.0))


IS_SOUND = Version(transformers.__version__) >= Version("5.23")
"""Before, transformers computed UMT5's attention to what was read as if that were to come."""


@pytest.mark.skipif(IS_SOUND, reason="this version of transformers computes UMT5 as it should")
def test_a_model_that_the_library_computes_wrongly_is_not_trained():
    model = umt5()
    with pytest.raises(ModelError, match="cannot be trained on packed rows"):
        prove_isolation(EncoderDecoderLoss(model), model, torch.device("cpu"))


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(t5, id="tied"),
        pytest.param(lambda: t5(tie_word_embeddings=False), id="untied"),
        pytest.param(umt5, id="umt5", marks=pytest.mark.skipif(not IS_SOUND, reason="wrong in this transformers")),
    ],
)
def test_packed_equals_separate_in_loss_and_gradients(made):
    rows = stream().rows(0)[:5]
    alone, packed = made(), made()
    expected = torch.zeros(())
    for sequence in rows.sequences():
        read, written = sequence.tokens[: sequence.start], sequence.tokens[sequence.start :]
        inputs = {"input_ids": torch.tensor([read]), "decoder_input_ids": torch.tensor([[0, *written[:-1]]])}
        logits = alone(**inputs, use_cache=False).logits[0]
        expected = expected + F.cross_entropy(logits, torch.tensor(written), reduction="sum")
    expected.backward()
    loss = EncoderDecoderLoss(packed)
    actual = loss(loss.batch(rows, "cpu"))
    actual.backward()
    torch.testing.assert_close(actual, expected)
    for name, weight in packed.named_parameters():
        torch.testing.assert_close(weight.grad, dict(alone.named_parameters())[name].grad, atol=5e-5, rtol=1e-4)


def test_t5_trains_on_the_same_rows_and_loads(tmp_path):
    losses = []
    options = {"tokenizer": tokenizer(), "say": lambda line: None}
    settings = config(steps=25, checkpoint_every=10)
    train(t5(), stream(), settings, tmp_path, on_progress=lambda p: losses.append(p.loss), **options)
    assert losses[-1] < losses[0]
    assert load_model(tmp_path / "model").config.is_encoder_decoder


def test_absolute_positions_are_refused():
    settings = {"vocab_size": VOCABULARY, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1}
    heads = {"encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    torch.manual_seed(0)
    model = BartForConditionalGeneration(BartConfig(**settings, **heads, max_position_embeddings=64, init_std=0.5))
    with pytest.raises(ModelError, match="cannot be trained on packed rows"):
        prove_isolation(EncoderDecoderLoss(model), model, torch.device("cpu"))
