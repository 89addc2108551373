"""Tiny models of many families, with random weights: made from configurations alone, nothing is downloaded."""

from __future__ import annotations

from typing import Any

VOCABULARY = 320
_TOKENS: dict[str, Any] = {"vocab_size": VOCABULARY, "bos_token_id": 1, "eos_token_id": 0, "pad_token_id": 0}
_COMMON = {
    **_TOKENS,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}
_GROUPED = {**_COMMON, "num_key_value_heads": 2}
_HEADED = {**_GROUPED, "head_dim": 8}
_WIDE = {**_TOKENS, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
_PAIR = {**_TOKENS, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0}
_STATES = {**_TOKENS, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}
_BART = {**_TOKENS, "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "decoder_start_token_id": 0}
_BART |= {"encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "encoder_attention_heads": 4, "decoder_attention_heads": 4}

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": _GROUPED,
    "mistral": {**_GROUPED, "sliding_window": 12},
    "mixtral": {**_GROUPED, "num_local_experts": 4},
    "qwen2": _GROUPED,
    "qwen2_moe": {**_GROUPED, **_EXPERTS, "shared_expert_intermediate_size": 32},
    "qwen3": _HEADED,
    "qwen3_moe": {**_HEADED, **_EXPERTS},
    "gemma": _HEADED,
    "gemma2": {**_HEADED, "query_pre_attn_scalar": 8, "attn_logit_softcapping": 0.5, "sliding_window": 12},
    "gemma3_text": {**_HEADED, "sliding_window": 12},
    "phi": _COMMON,
    "phi3": {**_GROUPED, "sliding_window": None},
    "gpt2": _WIDE,
    "gpt_neox": _COMMON,
    "gpt_neo": {
        **_TOKENS,
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "max_position_embeddings": 256,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 12,
    },
    "gptj": {**_WIDE, "rotary_dim": 4},
    "gpt_bigcode": _WIDE,
    "codegen": {**_WIDE, "rotary_dim": 4},
    "gpt_oss": {**_HEADED, "sliding_window": 12, "num_local_experts": 4, "num_experts_per_tok": 2},
    "opt": {**_COMMON, "ffn_dim": 64, "word_embed_proj_dim": 32},
    "bloom": {**_TOKENS, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "mpt": {**_TOKENS, "d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 256},
    "falcon": _COMMON,
    "stablelm": _GROUPED,
    "starcoder2": _GROUPED,
    "olmo": _GROUPED,
    "olmo2": _GROUPED,
    "olmoe": {**_GROUPED, "num_experts": 4, "num_experts_per_tok": 2},
    "granite": _GROUPED,
    "cohere": _GROUPED,
    "cohere2": {**_GROUPED, "sliding_window": 12},
    "smollm3": _GROUPED,
    "glm": _HEADED,
    "glm4": _HEADED,
    "ernie4_5": _HEADED,
    "nemotron": _GROUPED,
    "exaone4": {**_GROUPED, "sliding_window": 12},
    "deepseek_v2": {**_COMMON, "num_key_value_heads": 4, "first_k_dense_replace": 2, "n_routed_experts": 4},
    "llama4_text": {
        **_HEADED,
        "attention_chunk_size": 16,
        "intermediate_size_mlp": 64,
        "num_local_experts": 2,
    },
    "mamba": _STATES,
    "falcon_mamba": _STATES,
    "lfm2": {**_GROUPED, "layer_types": ["conv", "full_attention"]},
    "t5": _PAIR,
    "mt5": _PAIR,
    "umt5": _PAIR,
    "bart": _BART,
}
"""By model type, the settings that differ from the type's own."""
