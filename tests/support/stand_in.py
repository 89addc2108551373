"""A tiny model with a chat template, put where the small real one is kept: what names that one runs in a moment."""

from __future__ import annotations

from pathlib import Path

import torch
from small_models import VOCABULARY, byte_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from openflan.model.default import NAME

_CHAT = (
    "{% for message in messages %}{{ '<bos>' + message['role'] + '\n' + message['content'] + '<eos>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<bos>assistant\n' }}{% endif %}"
)


def save_stand_in(cache: Path) -> Path:
    """Write the model into a cache folder (`$OPENFLAN_CACHE`) under the small model's name; returns its folder."""
    folder = cache / "models" / NAME
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, bos_token_id=1, eos_token_id=0, pad_token_id=0,
        initializer_range=0.15, tie_word_embeddings=False,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_tokenizer(), eos_token="<eos>", bos_token="<bos>", pad_token="<pad>", chat_template=_CHAT
    )
    tokenizer.save_pretrained(folder)
    return folder
