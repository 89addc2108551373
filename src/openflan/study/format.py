"""The format of a model when none is given."""

from __future__ import annotations

from pathlib import Path

from openflan.data.encode import Format
from openflan.model.folder import lineage, read_object
from openflan.model.format_file import read_format
from openflan.model.tokenizer import read_tokenizer


def default_format(model: Path, row_length: int | None = None) -> Format:
    """The format that the model in a folder was tuned in; else a chat model's own turns, else the paper's EOS.

    With `row_length`, input and target together fit a training row.
    """
    if tuned := read_format(model):
        return tuned
    config = read_object(lineage(model)[-1] / "config.json")
    chat = bool(read_tokenizer(model).chat_template) and not config.get("is_encoder_decoder")
    longest = row_length or 1280
    target = min(256, longest // 4)
    return Format(join="chat" if chat else "eos", input_length=min(1024, longest - target), target_length=target)
