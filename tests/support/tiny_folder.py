"""A tiny Llama with random weights and a byte tokenizer, saved as a Hugging Face folder."""

from __future__ import annotations

from pathlib import Path

from small_models import byte_tokenizer, small_model_of
from transformers import PreTrainedTokenizerFast


def save_tiny_model(folder: Path) -> Path:
    """Write the model to `folder`; returns it."""
    small_model_of("llama").save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_tokenizer(), eos_token="<eos>", bos_token="<bos>", pad_token="<pad>"
    )
    tokenizer.save_pretrained(folder)
    return folder
