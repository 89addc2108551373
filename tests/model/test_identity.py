"""Whatever a model's answers depend on is part of its identity, and nothing else."""

import json
import os
import shutil

import pytest
import torch
from tiny_folder import save_tiny_model

from openflan.errors import ModelError
from openflan.model.identity import model_identity


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENFLAN_CACHE", str(tmp_path / "cache"))
    return save_tiny_model(tmp_path / "model")


def changed(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def fingerprint(folder, dtype="auto"):
    return model_identity(folder, dtype)["fingerprint"]


def test_a_copy_is_the_same_model(folder, tmp_path):
    assert model_identity(shutil.copytree(folder, tmp_path / "copy")) == model_identity(folder)
    assert json.loads(json.dumps(model_identity(folder))) == model_identity(folder)


def test_where_and_with_what_a_file_was_saved_does_not_count(folder):
    before = fingerprint(folder)
    changed(folder / "config.json", transformers_version="4.0", _name_or_path="elsewhere")
    (folder / "README.md").write_text("hello")
    assert fingerprint(folder) == before


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("config.json", {"rms_norm_eps": 0.5}),
        ("tokenizer_config.json", {"chat_template": "{{ messages }}"}),
        ("generation_config.json", {"eos_token_id": [0, 3]}),
        ("tokenizer.json", {"normalizer": {"type": "Lowercase"}}),
    ],
)
def test_every_setting_counts(folder, name, change):
    before = fingerprint(folder)
    changed(folder / name, **change)
    assert fingerprint(folder) != before


def test_a_chat_template_counts(folder):
    before = fingerprint(folder)
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert fingerprint(folder) != before


def test_every_byte_of_weights_counts_in_any_format(folder):
    (folder / "model.safetensors").unlink()
    torch.save({"weight": torch.zeros(4)}, folder / "pytorch_model.bin")
    before = fingerprint(folder)
    torch.save({"weight": torch.tensor([0, 0, 0, 1e-9])}, folder / "pytorch_model.bin")
    assert fingerprint(folder) != before


def test_hashes_are_remembered_until_a_file_changes(folder, monkeypatch):
    before, weights = fingerprint(folder), folder / "model.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr("hashlib.file_digest", lambda *_: pytest.fail("hashed again"))
        assert fingerprint(folder) == before
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    os.utime(weights, ns=(0, 0))
    assert fingerprint(folder) != before


def test_the_precision_is_resolved(folder):
    assert model_identity(folder)["dtype"] == "float32"
    assert fingerprint(folder) == fingerprint(folder, "float32") != fingerprint(folder, "bfloat16")
    changed(folder / "config.json", dtype="bfloat16")
    assert model_identity(folder)["dtype"] == "bfloat16"
    assert model_identity(folder, "fast")["dtype"] in ("float32", "bfloat16")


def test_an_adapter_is_its_settings_its_weights_and_its_base(folder, tmp_path):
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    settings = {"base_model_name_or_path": str(folder), "lora_alpha": 8}
    (adapter / "adapter_config.json").write_text(json.dumps(settings))
    before = fingerprint(adapter)
    moved = shutil.copytree(folder, tmp_path / "moved")
    changed(adapter / "adapter_config.json", base_model_name_or_path="../moved")
    assert fingerprint(adapter) == before
    changed(adapter / "adapter_config.json", lora_alpha=9)
    other_alpha = fingerprint(adapter)
    assert other_alpha != before
    changed(moved / "config.json", rms_norm_eps=0.5)
    assert fingerprint(adapter) not in (before, other_alpha)


def test_a_damaged_file_is_named(folder):
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json cannot be read"):
        model_identity(folder)
    with pytest.raises(ModelError, match="no model folder"):
        model_identity(folder / "nowhere")
