"""What a model cannot read is refused in words, before it fails or goes on past what it was made for."""

import pytest
import torch
from training_support import ROW, config, llama, stream
from transformers import GPT2Config, GPT2LMHeadModel

from openflan.training.config import TrainError
from openflan.training.limits import context_of
from openflan.training.loop import train

torch.set_num_threads(1)


def gpt2(positions):
    settings = {"vocab_size": 96, "n_embd": 32, "n_layer": 1, "n_head": 4, "bos_token_id": 1, "eos_token_id": 1}
    return GPT2LMHeadModel(GPT2Config(**settings, n_positions=positions))


def run(model, folder):
    return train(model, stream(), config(), folder, say=lambda line: None)


@pytest.mark.parametrize("make", [gpt2, lambda length: llama(max_position_embeddings=length)])
def test_examples_longer_than_the_model_reads_are_refused(tmp_path, make):
    with pytest.raises(TrainError, match=r"step 1 has an example of \d+ tokens, but the model reads 12 at most"):
        run(make(12), tmp_path)


def test_rows_longer_than_the_model_reads_are_not_as_long_as_their_examples_fit(tmp_path):
    longest = max(len(sequence.tokens) for window in range(3) for sequence in stream().rows(window).sequences())
    assert longest < ROW
    assert run(llama(max_position_embeddings=longest), tmp_path).step == 6


def test_a_tokenizer_with_more_tokens_than_embeddings_is_refused(tmp_path):
    with pytest.raises(TrainError, match=r"has token number \d+, but the model has embeddings of 50 tokens"):
        run(llama(vocab_size=50), tmp_path)


def test_relative_positions_have_no_end():
    from transformers import T5Config

    assert context_of(T5Config()) is None
    assert context_of(gpt2(12).config) == 12
