"""A tiny model, a made-up mixture and a word tokenizer: enough to train on in a second."""

from __future__ import annotations

from typing import Any

import torch
from made_mixture import MadeMixture
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from openflan.data.encode import Encoder, Format
from openflan.data.prompt import Prompt
from openflan.data.stream import Stream
from openflan.training.config import TrainConfig

VOCABULARY = 96
ROW = 32


def tokenizer() -> Any:
    words = {"<pad>": 0, "<eos>": 1, **{f"w{i}": i for i in range(2, VOCABULARY)}}
    backend = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>", pad_token="<pad>")


def made(i: int, attempt: int = 0) -> Prompt:
    """An example whose target repeats words of the input; number i follows from i."""
    words = [f"w{2 + (i * 7 + j * j * 3) % (VOCABULARY - 2)}" for j in range(3 + i % 13)]
    return Prompt("made-up", "0", i, " ".join(words), " ".join(words[: 1 + i % 3]))


def stream(**changes: Any) -> Stream:
    encoder = Encoder(tokenizer().backend_tokenizer, Format(), eos=1)
    return Stream(MadeMixture(made), encoder, **{"row_length": ROW, "window": 40, **changes})


def llama(seed: int = 0, **changes: Any) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": 1,
    }
    return LlamaForCausalLM(LlamaConfig(**{**settings, **changes}))


def t5(**changes: Any) -> T5ForConditionalGeneration:
    torch.manual_seed(0)
    settings = {
        "vocab_size": VOCABULARY,
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 48,
        "num_layers": 2,
        "num_heads": 4,
        "decoder_start_token_id": 0,
        "dropout_rate": 0.0,
        **changes,
    }
    return T5ForConditionalGeneration(T5Config(**settings))


def config(**changes: Any) -> TrainConfig:
    settings = {"steps": 6, "tokens_per_step": 4 * ROW, "row_length": ROW, "lr": 1e-2, "checkpoint_every": 2}
    return TrainConfig(**{**settings, **changes})
