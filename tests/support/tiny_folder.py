"""Tiny models with random weights and a byte tokenizer, saved as Hugging Face folders."""

from __future__ import annotations

from pathlib import Path

from small_models import FAMILIES, byte_tokenizer, small_model_of
from transformers import PreTrainedTokenizerFast


def save_tiny_model(folder: Path) -> Path:
    """Write a Llama to `folder`; returns it."""
    small_model_of("llama").save_pretrained(folder)
    return _with_tokenizer(folder)


def save_tiny_t5(folder: Path) -> Path:
    """Write a T5 to `folder`; returns it."""
    FAMILIES["t5"]().save_pretrained(folder)
    return _with_tokenizer(folder)


def _with_tokenizer(folder: Path) -> Path:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_tokenizer(), eos_token="<eos>", bos_token="<bos>", pad_token="<pad>"
    )
    tokenizer.save_pretrained(folder)
    return folder
