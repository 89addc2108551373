"""Small models of several families with random weights, and a tokenizer to go with them."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers.decoders import ByteLevel
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTJConfig,
    GPTJForCausalLM,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    Lfm2Config,
    Lfm2ForCausalLM,
    Llama4ForCausalLM,
    Llama4TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MptConfig,
    MptForCausalLM,
    PreTrainedModel,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from openflan.data.encode import Encoder, Format
from openflan.evaluation.scoring.interface import RankRequest

WORDS = ["the", "cat", "sat", "on", "a", "mat", "while", "rain", "fell", "over", "old", "towns", "and", "people"]
VOCABULARY = 320
EOS, BOS = 0, 1

_WIDE = {"vocab_size": VOCABULARY, "hidden_size": 32, "max_position_embeddings": 256}
_SIZES = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
# Random weights tied to the embeddings would only ever repeat the last token.
_TOKENS = {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": EOS, "initializer_range": 0.15}
_TOKENS |= {"tie_word_embeddings": False}
_GROUPED = {**_SIZES, **_TOKENS, "intermediate_size": 64, "num_key_value_heads": 2, "max_position_embeddings": 256}


def _with_sinks(model: PreTrainedModel) -> PreTrainedModel:
    for name, weight in model.named_parameters():
        if name.endswith("sinks"):  # Which are zero, or not set at all, when the model is made.
            torch.nn.init.normal_(weight)
    return model


FAMILIES = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**_GROUPED)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**_GROUPED, head_dim=8)),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=256, **_TOKENS)
    ),
    "gpt_neox": lambda: GPTNeoXForCausalLM(
        GPTNeoXConfig(**_SIZES, **_TOKENS, intermediate_size=64, max_position_embeddings=256)
    ),
    # Sees twelve tokens back only.
    "mistral": lambda: MistralForCausalLM(MistralConfig(**_GROUPED, sliding_window=12)),
    "bloom": lambda: BloomForCausalLM(
        BloomConfig(vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4, **_TOKENS)
    ),
    # Caps its attention scores, and sees twelve tokens back in every second layer.
    "gemma2": lambda: Gemma2ForCausalLM(
        Gemma2Config(
            **_GROUPED,
            head_dim=8,
            query_pre_attn_scalar=8,
            attn_logit_softcapping=0.5,
            sliding_window=12,
            attn_implementation="eager",
        )
    ),
    # Has attention sinks.
    "gpt_oss": lambda: _with_sinks(
        GptOssForCausalLM(
            GptOssConfig(**_GROUPED, head_dim=8, sliding_window=12, num_local_experts=4, num_experts_per_tok=2)
        )
    ),
    "gptj": lambda: GPTJForCausalLM(
        GPTJConfig(vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=256, rotary_dim=4, **_TOKENS)
    ),
    "gpt_neo": lambda: GPTNeoForCausalLM(
        GPTNeoConfig(
            **_WIDE, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]], window_size=12, **_TOKENS
        )
    ),
    "mpt": lambda: MptForCausalLM(
        MptConfig(vocab_size=VOCABULARY, d_model=32, n_layers=2, n_heads=4, max_seq_len=256, **_TOKENS)
    ),
    "mamba": lambda: MambaForCausalLM(MambaConfig(**_WIDE, num_hidden_layers=2, state_size=4, **_TOKENS)),
    # Attends within blocks of sixteen tokens, which a probe of few tokens would not show.
    "llama4": lambda: Llama4ForCausalLM(
        Llama4TextConfig(
            **_GROUPED,
            head_dim=8,
            attention_chunk_size=16,
            intermediate_size_mlp=64,
            num_local_experts=2,
            attn_temperature_tuning=False,
        )
    ),
    # Has a layer of convolutions, whose part in a random model is small.
    "lfm2": lambda: Lfm2ForCausalLM(Lfm2Config(**_GROUPED, layer_types=["conv", "full_attention"])),
    "t5": lambda: T5ForConditionalGeneration(
        T5Config(
            vocab_size=VOCABULARY,
            d_model=32,
            d_kv=8,
            d_ff=64,
            num_layers=2,
            num_heads=4,
            initializer_factor=1.0,
            eos_token_id=EOS,
            pad_token_id=2,
            decoder_start_token_id=2,
        )
    ),
}
UNSHARED = {"bloom", "gptj", "gpt_neo", "mpt", "mamba", "llama4", "lfm2"}
"""Families whose attention cannot be replaced, that have none, or more than plain attention."""
CAUSAL = [family for family in FAMILIES if family != "t5"]


@cache
def small_model_of(family: str) -> PreTrainedModel:
    torch.manual_seed(0)
    model = FAMILIES[family]().eval()
    if family == "t5":  # Which is always tied when it is made.
        model.lm_head = torch.nn.Linear(32, VOCABULARY, bias=False)
        torch.nn.init.normal_(model.lm_head.weight)
    return model


@cache
def byte_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<eos>", "<bos>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 4, trainer)
    return tokenizer


def byte_encoder(join: str = "eos", *, bos: int | None = None, input_length: int = 200) -> Encoder:
    return Encoder(
        byte_tokenizer(), Format(join=join, input_length=input_length), eos=EOS, opening=[] if bos is None else [bos]
    )


def some_requests(count: int = 12, seed: int = 0) -> list[RankRequest]:
    """Prompts that share beginnings or do not, with two to four options that do the same."""
    chance = random.Random(seed)

    def words(least: int, most: int) -> str:
        return " ".join(chance.choices(WORDS, k=chance.randint(least, most)))

    opening = words(12, 12)
    requests = []
    for number in range(count):
        stem = words(1, 2)
        options = [f"{stem} {ending}" for ending in chance.sample(WORDS, chance.randint(2, 4))]
        requests.append(RankRequest((opening + " " if number % 3 else "") + words(1, 12), (*options, stem)))
    return requests


def plain_logprobs(model: PreTrainedModel, encoder: Encoder, request: RankRequest) -> list[float]:
    """Each option alone through the model's own forward pass."""
    sums = []
    for tokens, start in encoder.options(request.input, request.options):
        if start == 0:
            tokens, start = [encoder.eos, *tokens], 1
        targets = torch.tensor(tokens[start:])
        with torch.no_grad():
            if model.config.is_encoder_decoder:
                logits = model(input_ids=torch.tensor([tokens[:start]]), labels=targets[None]).logits[0]
            else:
                logits = model(torch.tensor([tokens]), use_cache=False).logits[0, start - 1 : -1]
        sums.append(torch.log_softmax(logits.double(), -1).gather(1, targets[:, None]).sum().item())
    return sums


def assert_close(found: list[float], expected: list[float], atol: float = 1e-4) -> None:
    np.testing.assert_allclose(found, expected, atol=atol, rtol=0)
