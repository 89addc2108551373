"""Soft prompts (Lester et al. 2021): a few vectors in front of every input, trained while the model is frozen.

Each vector is the embedding of a token of its own, numbered from the end of the vocabulary on. Those tokens open every
sequence as BOS would, so packing, scoring and generation know nothing of them. What is saved is what `peft` calls
prompt tuning, and `peft` reads it.

No torch here: recipes hold a `SoftPrompt`, and verbs that only look at data read recipes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from openflan.errors import ModelError
from openflan.model.folder import ADAPTER, PROMPT_TUNING, lineage, read_object
from openflan.ranges import Count, check_ranges

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from openflan.model.soft_embedding import AttachedPrompt


@dataclass(frozen=True)
class SoftPrompt:
    """A soft prompt: `length` vectors as wide as the model's embeddings."""

    library: ClassVar[str] = "peft"
    """What reads the folder it is saved in."""

    kind: Literal["prompt"] = "prompt"
    """`prompt`."""
    length: Count = 10
    """Vectors in front of every input: 10 in FLAN, 100 in Lester et al."""
    init: Literal["class_labels", "vocabulary", "uniform"] = "class_labels"
    """What they begin as: the embeddings of the labels and, where those are fewer, of common tokens; of common tokens
    alone; or uniform in [-0.5, 0.5]."""
    words: tuple[str, ...] = ()
    """The labels for `class_labels`, a vector each; those of the datasets trained on when empty."""

    def __post_init__(self) -> None:
        check_ranges(self, ModelError)

    @property
    def about(self) -> str:
        """What is trained, in words."""
        return f"a soft prompt of {self.length} vectors; the model is frozen"

    @property
    def soft_tokens(self) -> int:
        """Tokens of its own that it puts before every input."""
        return self.length

    def size(self, model: Any) -> int:
        """How many weights are trained on a model, which may have no memory for its own."""
        return self.length * int(model.get_input_embeddings().weight.shape[1])

    def attach(
        self, model: PreTrainedModel, *, seed: int, tokenizer: PreTrainedTokenizerBase | None = None
    ) -> AttachedPrompt:
        """Freeze a model and put the prompt into its embeddings, in place; what it begins as follows from `seed`.

        `tokenizer` is the model's, which only `uniform` does without. Raises `ModelError` for a model that has a soft
        prompt, and for `class_labels` without a label.
        """
        from openflan.model.soft_embedding import Beginning, attach

        return attach(model, Beginning(self.length, self.init, self.words, seed), tokenizer)


def soft_tokens(folder: Path) -> range:
    """The numbers of the tokens that the soft prompt in a model folder adds; none for any other model."""
    own, *below = lineage(folder)
    if not is_soft_prompt(own):
        return range(0)
    length = read_object(own / ADAPTER).get("num_virtual_tokens")
    if not isinstance(length, int) or length < 1:
        raise ModelError(f"{own / ADAPTER} does not say how long its prompt is (num_virtual_tokens)")
    size = vocabulary_size(below[-1])
    return range(size, size + length)


def vocabulary_size(folder: Path) -> int:
    """How many tokens the model in a folder knows, by its configuration; raises `ModelError` where that is not said."""
    config = read_object(lineage(folder)[-1] / "config.json")
    size = config.get("vocab_size") or (config.get("text_config") or {}).get("vocab_size")
    if not isinstance(size, int):
        raise ModelError(f"{folder / 'config.json'} does not say how many tokens the model knows (vocab_size)")
    return size


def is_soft_prompt(folder: Path) -> bool:
    """Whether a folder holds a soft prompt."""
    return (folder / ADAPTER).is_file() and read_object(folder / ADAPTER).get("peft_type") == PROMPT_TUNING
