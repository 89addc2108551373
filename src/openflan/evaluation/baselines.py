"""How the untuned model is asked in the paper, which the command line names without reading any results."""

from __future__ import annotations

from dataclasses import dataclass

from openflan.data.encode import Join


@dataclass(frozen=True)
class ModelBaseline:
    """How the untuned model is asked: the setting, how many exemplars at most, and the join of its format."""

    title: str
    setting: str
    shots: int
    join: Join


MODEL_BASELINES: dict[str, ModelBaseline] = {
    "untuned-zero": ModelBaseline("untuned model, GPT-3-style prompts, zero-shot", "baseline", 0, "space"),
    "untuned-few": ModelBaseline("untuned model, GPT-3-style prompts, few-shot", "baseline", 10, "space"),
    "untuned-instructions": ModelBaseline("untuned model, instruction templates", "options", 0, "newline"),
}
"""The paper's baselines that are models (section 3, appendix A: as many exemplars as fit, 10 at most)."""
