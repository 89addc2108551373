"""Join a model's tokenizer to a format; needs neither torch nor, for most tokenizers, transformers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from openflan.data.encode import Encoder, Format
from openflan.data.literal import Controls
from openflan.errors import ModelError
from openflan.model.adapters import Adapter
from openflan.model.chat import control_tokens, read_chat
from openflan.model.folder import model_folder
from openflan.model.soft_prompt import soft_tokens, vocabulary_size
from openflan.model.tokenizer import FolderTokenizer, read_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def encoder_for(
    model: str | Path | FolderTokenizer | PreTrainedTokenizerBase, format: Format, adapter: Adapter | None = None
) -> Encoder:
    """The encoder of a model's tokenizer (or of the tokenizer in a folder) for a format.

    Sequences open with what the tokenizer itself puts before a text, and before that with the tokens of a soft prompt:
    the folder's own, or one that is to be trained as `adapter`; the chat template is the tokenizer's own. Raises
    `ModelError` for a tokenizer without EOS, without the fast backend, or whose chat template does not do.
    """
    tokenizer: Any = read_tokenizer(model) if isinstance(model, str | Path) else model
    name = tokenizer.name_or_path or type(tokenizer).__name__
    if not tokenizer.is_fast:
        raise ModelError(f"the tokenizer {name} has no tokenizer.json; convert it to a fast tokenizer first")
    if tokenizer.eos_token_id is None:
        raise ModelError(f"the tokenizer {name} has no end-of-sequence token; set eos_token in tokenizer_config.json")
    chat = read_chat(tokenizer, format.chat) if format.join == "chat" else None
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    controls = control_tokens(tokenizer, chat)
    ends = [controls[spelling] for spelling in controls if chat and chat.end.endswith(spelling)]
    return Encoder(
        backend,
        format,
        eos=tokenizer.eos_token_id,
        opening=_opening(backend),
        soft=_soft_tokens(model, adapter),
        chat=chat,
        ends=ends,
        literal=Controls(controls, _without_controls(backend, controls)),
    )


def _soft_tokens(model: Any, adapter: Adapter | None) -> range:
    if not isinstance(model, str | Path):
        return range(0)
    if adapter is None or not adapter.soft_tokens:
        return soft_tokens(model_folder(model))
    size = vocabulary_size(model_folder(model))
    return range(size, size + adapter.soft_tokens)


def _opening(backend: Any) -> list[int]:
    """The special tokens that the tokenizer puts before every text (BOS; of GLM two)."""
    own, ids = backend.encode("a", add_special_tokens=False).ids, backend.encode("a").ids
    return list(ids[: max(place for place in range(len(ids)) if ids[place : place + len(own)] == own)])


def _without_controls(backend: Any, controls: Mapping[str, int]) -> Any:
    """A tokenizer that reads the spelling of a control token as any other text."""
    definition = json.loads(backend.to_str())
    for token in definition["added_tokens"]:
        token["special"] = token["content"] in controls
    try:
        tokenizer: Any = Tokenizer.from_str(json.dumps(definition))
    except Exception as error:
        raise ModelError(f"the tokenizer is damaged: {error}") from None
    tokenizer.encode_special_tokens = True
    return tokenizer
