"""The settings of a training run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from openflan.errors import OpenflanError
from openflan.lists import Listed
from openflan.model.adapters import Adapter
from openflan.ranges import Count, Dtype, Natural, NonNegative, Positive, Seed, check_ranges


class TrainError(OpenflanError, ValueError):
    """Training cannot start or continue."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train. The defaults are a short, full finetuning run with AdamW; the recipe `flan62` has the paper's."""

    steps: Count | None = None
    """Optimizer steps; give these or `tokens`."""
    tokens: Count | None = None
    """Token budget, padding included, rounded up to whole steps; instead of `steps`."""
    tokens_per_step: Count = 8192
    """Positions in one step over all processes: a multiple of the row length (8,192 in paper section 2.4)."""
    row_length: Annotated[int, Field(ge=8)] = 2048
    """Tokens in a packed row: the longest example that can be trained on."""
    accumulate: Count | None = None
    """Parts that a process takes its rows of a step in: more parts, less memory, the same gradients. By default so
    many that a part has about 2,048 tokens on CPU and 16,384 on a GPU."""
    optimizer: Literal["adamw", "adafactor"] = "adamw"
    """`adafactor` holds almost no state (the paper's); `adamw` holds two values a weight, and is fused."""
    lr: Positive = 3e-5
    """Peak learning rate (3e-5 in paper section 2.4)."""
    scaled_rate: bool = False
    """With `adafactor`: each matrix moves at the rate times the root mean square of its weights, as in T5's own code,
    for which 1e-3 is the usual rate."""
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    """How the rate falls after the warm-up: not at all, or to zero on a line or a cosine."""
    warmup_steps: Natural = 0
    """Steps over which the rate rises from zero."""
    weight_decay: NonNegative = 0.0
    """Decoupled decay of matrices; gains and biases are left alone."""
    clip: NonNegative = 1.0
    """Largest norm of a step's gradient; 0 turns clipping off."""
    dtype: Dtype = "auto"
    """Precision of the forward and backward pass. `auto`: bfloat16 on a GPU, float32 on a CPU; `fast`: bfloat16 on CPUs
    too that are faster with it. Trained weights are float32."""
    adapter: Adapter | None = None
    """Train an adapter instead of all weights: LoRA (`{rank: 16, alpha: 32}`), merged into the saved model, or a soft
    prompt (`{kind: prompt, length: 10}`), which is saved alone."""
    checkpoint_every: Natural = 500
    """Steps between checkpoints; 0 for none but those of a stop from outside."""
    keep: Count = 2
    """How many of the last checkpoints stay on disk."""
    compile: bool = False
    """Compile the model's layers (a minute at the start, faster steps on a GPU)."""
    activation_checkpointing: bool = False
    """Recompute activations in the backward pass: about a third more compute for a fraction of the memory."""
    shard: bool = False
    """With several processes, split weights and optimizer state among them (FSDP2) instead of copying them."""
    trackers: Annotated[tuple[Literal["tensorboard", "trackio", "wandb"], ...], Listed] = ()
    """Where metrics go besides metrics.jsonl."""
    seed: Seed = 0
    """Seeds dropout and a new adapter's weights; the data have a seed of their own."""

    def __post_init__(self) -> None:
        check_ranges(self, TrainError)
        if (self.steps is None) == (self.tokens is None):
            raise TrainError("give either steps or tokens, not both and not neither")
        if self.tokens_per_step % self.row_length:
            raise TrainError(
                f"tokens_per_step {self.tokens_per_step} is not a multiple of row_length {self.row_length}"
            )
        if self.scaled_rate and self.optimizer != "adafactor":
            raise TrainError(f"scaled_rate is adafactor's; {self.optimizer} has no such thing")
        if self.accumulate is not None and self.rows_per_step % self.accumulate:
            raise TrainError(f"a step of {self.rows_per_step} rows cannot be taken in {self.accumulate} equal parts")

    @property
    def rows_per_step(self) -> int:
        """Rows in one step, over all processes."""
        return self.tokens_per_step // self.row_length

    def rows_at_once(self, share: int, device: str) -> int:
        """How many of the `share` rows that a process has of a step it takes in one forward pass."""
        if self.accumulate is not None:
            return max(1, share // self.accumulate)
        tokens = 2048 if device == "cpu" else 16384
        return min(share, max(1, tokens // self.row_length))

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.steps or -(-(self.tokens or 0) // self.tokens_per_step)

    @property
    def outcome(self) -> dict[str, object]:
        """The settings that the trained weights depend on; a run resumes only with the same ones."""
        free = {
            "tokens",
            "checkpoint_every",
            "keep",
            "compile",
            "activation_checkpointing",
            "shard",
            "trackers",
            "accumulate",
            *(() if self.scaled_rate else ("scaled_rate",)),
        }
        settings = {name: value for name, value in dataclasses.asdict(self).items() if name not in free}
        return {**settings, "steps": self.total_steps}
