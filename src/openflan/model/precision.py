"""Where models are computed when nobody says, and in which precision that is fast."""

from __future__ import annotations

import torch


def fast_dtype(device: str | torch.device | None = None) -> torch.dtype:
    """bfloat16 where the hardware multiplies it much faster (GPUs, CPUs with AVX512-BF16 or AMX), else float32."""
    if torch.device(device or default_device()).type == "cuda":
        return torch.bfloat16
    has = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    native = any(getattr(torch.cpu, name, lambda: False)() for name in has)
    return torch.bfloat16 if native else torch.float32


def default_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
