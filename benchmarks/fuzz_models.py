"""The fuzz campaign's targets around models: their folders, chat templates, adapters, prepared rows, checkpoints."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from made_mixture import MadeMixture
from tiny_folder import save_tiny_model

from benchmarks.fuzz_targets import Target
from openflan.data.encode import Encoder, Format
from openflan.data.prepared import PreparedRows, prepare
from openflan.data.prompt import Prompt
from openflan.data.stream import Stream
from openflan.errors import OpenflanError
from openflan.model.encoder import encoder_for
from openflan.model.folder import lineage
from openflan.model.format_file import read_format, write_format
from openflan.model.identity import model_identity
from openflan.model.load import load_config, load_model
from openflan.model.weights import expect_whole_weights
from openflan.sums import sums_of, write_sealed
from openflan.training.checkpoint import damage_of
from openflan.training.result import check_folder

CHAT = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' }}\n{{ message['content'] | trim }}<eos>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
"""A chat template like many."""


def _write_model(folder: Path) -> None:
    save_tiny_model(folder)
    write_format(folder, Format(join="chat"))
    (folder / "chat_template.jinja").write_text(CHAT, encoding="utf-8")


def _read_settings(folder: Path) -> None:
    load_config(folder)
    model_identity(folder)


def _read_tokenizer(folder: Path) -> None:
    encoder_for(folder, Format()).options("a ship", ("sails", "sinks"))
    read_format(folder)


def _read_chat(folder: Path) -> None:
    encoder_for(folder, Format(join="chat")).options("a ship", ("sails", "sinks"))


def _read_weights(folder: Path) -> None:
    expect_whole_weights(folder)


def _read_model(folder: Path) -> None:
    load_model(folder)


def _write_adapter(folder: Path) -> None:
    (folder / "base").mkdir()
    settings = {"base_model_name_or_path": "base", "peft_type": "LORA", "r": 4, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")


def _read_adapter(folder: Path) -> None:
    lineage(folder)


@cache
def _encoder() -> Encoder:
    from small_models import byte_encoder

    return byte_encoder()


def _prompt(number: int, attempt: int = 0) -> Prompt:
    return Prompt("made", "0", number, f"ship number {number}", "sails")


def _write_prepared(folder: Path) -> None:
    prepare(Stream(MadeMixture(_prompt), _encoder(), 64, window=8), 1, folder, workers=1)


def _read_prepared(folder: Path) -> None:
    PreparedRows(folder, _encoder()).rows(0)


def _write_checkpoint(folder: Path) -> None:
    place = folder / "checkpoints" / "step-00000001"
    place.mkdir(parents=True)
    (place / "shard.safetensors").write_bytes(bytes(64))
    record = {"step": 1, "window": 0, "row": 1, "labelled": 5, "seconds": 1.0, "settings": {"lr": 1}}
    write_sealed(place / "record.json", {**record, "files": sums_of(place)})


def _read_checkpoint(folder: Path) -> None:
    check_folder(folder, {"lr": 1})
    if found := damage_of(folder / "checkpoints" / "step-00000001"):
        raise OpenflanError(found)


_CHECKPOINT, _SHARD = "checkpoints/step-00000001", "shard-00000000"

MODELS = (
    Target(
        "model settings", 5, [("config.json", "json"), ("generation_config.json", "json")], _write_model, _read_settings
    ),
    Target(
        "tokenizers",
        3,
        [("tokenizer_config.json", "json"), ("tokenizer.json", "json"), ("openflan.json", "json")],
        _write_model,
        _read_tokenizer,
    ),
    Target("chat templates", 1, [("chat_template.jinja", "")], _write_model, _read_chat),
    Target("weights", 1.5, [("model.safetensors", "")], _write_model, _read_weights),
    Target("whole models", 0.2, [("config.json", "json"), ("model.safetensors", "")], _write_model, _read_model),
    Target("adapters", 8, [("adapter_config.json", "json")], _write_adapter, _read_adapter),
    Target(
        "prepared rows",
        5,
        [
            ("manifest.json", "json"),
            *((f"{_SHARD}/{name}", "") for name in ("shard.json", "tokens.npy", "windows.npy")),
        ],
        _write_prepared,
        _read_prepared,
    ),
    Target(
        "checkpoints",
        5,
        [(f"{_CHECKPOINT}/record.json", "json"), (f"{_CHECKPOINT}/shard.safetensors", "")],
        _write_checkpoint,
        _read_checkpoint,
    ),
)
"""What is read with torch."""
