"""Adapters on any layer, of tied models too: what is saved or merged is what was trained."""

import copy
import json
import shutil

import pytest
import torch
from small_models import VOCABULARY
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from openflan.errors import ModelError
from openflan.model.adapters import Lora, add_lora, merge_lora
from openflan.model.load import load_model

peft = pytest.importorskip("peft")
INPUTS = torch.tensor([[3, 4, 5, 6]])


def llama(*, tied=True):
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4}
    config = LlamaConfig(**sizes, vocab_size=VOCABULARY, initializer_range=0.2, tie_word_embeddings=tied)
    return LlamaForCausalLM(config).eval()


def trained(adapted):
    """As if trained: every weight of the adapter is something else."""
    torch.manual_seed(1)
    for name, weight in adapted.named_parameters():
        if "lora_" in name or "modules_to_save" in name:
            torch.nn.init.normal_(weight, std=0.3)
    return adapted.eval()


@pytest.mark.parametrize("targets", [("lm_head",), ("embed_tokens",), ("q_proj", "lm_head", "embed_tokens"), ()])
@pytest.mark.parametrize("tied", [True, False])
def test_a_merged_adapter_is_the_model_that_was_trained(targets, tied, tmp_path):
    adapted = trained(add_lora(llama(tied=tied), Lora(rank=2, targets=targets), seed=0))
    expected = adapted(INPUTS).logits.detach()
    merge_lora(adapted).save_pretrained(tmp_path)
    torch.testing.assert_close(load_model(tmp_path, device="cpu")(INPUTS).logits, expected, atol=1e-4, rtol=1e-4)


def test_shared_weights_stay_shared_where_no_adapter_is_on_them():
    model = merge_lora(add_lora(llama(), Lora(rank=2), seed=0))
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_shared_embeddings_of_an_encoder_decoder_take_no_adapter():
    model = T5ForConditionalGeneration(T5Config(vocab_size=40, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2))
    with pytest.raises(ModelError, match="shares its embeddings"):
        add_lora(model, Lora(targets=("shared",)), seed=0)


# With new tokens both layers are saved: one without them would have another size.
@pytest.mark.parametrize(
    ("saved", "more"),
    [(["lm_head"], 0), (["embed_tokens"], 0), (["embed_tokens", "lm_head"], 0), (["embed_tokens", "lm_head"], 8)],
)
def test_an_adapter_with_whole_layers_and_new_tokens_is_merged(saved, more, tmp_path):
    base = llama()
    base.save_pretrained(tmp_path / "base")
    untied = copy.deepcopy(base)
    untied.resize_token_embeddings(VOCABULARY + more, mean_resizing=False)
    untied.lm_head.weight = torch.nn.Parameter(untied.lm_head.weight.detach().clone())
    untied.config.tie_word_embeddings = False
    adapted = peft.get_peft_model(
        untied, peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=saved, task_type="CAUSAL_LM")
    )
    trained(adapted).save_pretrained(tmp_path / "adapter")
    name_base(tmp_path / "adapter", "../base")
    found = load_model(tmp_path / "adapter", device="cpu")(INPUTS).logits
    torch.testing.assert_close(found, adapted(INPUTS).logits, atol=1e-4, rtol=1e-4)


def name_base(folder, name):
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "base_model_name_or_path": name}))


@pytest.fixture
def adapter(tmp_path):
    llama().save_pretrained(tmp_path / "base")
    adapted = trained(add_lora(load_model(tmp_path / "base", device="cpu"), Lora(rank=2), seed=0))
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def test_a_base_is_found_from_the_adapters_folder_from_here_and_on_the_hub(adapter, monkeypatch):
    for name in ("../base", str(adapter.parent / "base")):
        name_base(adapter, name)
        load_model(adapter)
    name_base(adapter, "base")
    monkeypatch.chdir(adapter.parent)
    load_model(adapter)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: str(adapter.parent / "base"))
    name_base(adapter, "org/model")
    load_model(adapter)


def test_a_base_that_is_not_there_is_named(adapter):
    name_base(adapter, "org/no-such-model")
    with pytest.raises(ModelError, match=r"an adapter of 'org/no-such-model', which is not on this machine"):
        load_model(adapter)


def test_an_adapter_of_itself_is_refused(adapter):
    name_base(adapter, ".")
    with pytest.raises(ModelError, match="leads back to the adapter itself"):
        load_model(adapter)


def test_an_adapter_that_does_not_fit_its_base_is_refused(adapter):
    other = LlamaConfig(hidden_size=16, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, vocab_size=40)
    shutil.rmtree(adapter.parent / "base")
    LlamaForCausalLM(other).save_pretrained(adapter.parent / "base")
    with pytest.raises(ModelError, match="does not fit its base"):
        load_model(adapter)
