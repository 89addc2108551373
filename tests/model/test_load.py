import json
import shutil

import pytest
import torch
from small_models import small_model_of
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from openflan.data.encode import Format
from openflan.errors import ModelError
from openflan.model.adapters import Lora, add_lora, merge_lora
from openflan.model.encoder import encoder_for
from openflan.model.folder import model_name
from openflan.model.load import load_config, load_model, load_tokenizer

torch.set_num_threads(1)

WORDS = {"<pad>": 0, "<eos>": 1, "<bos>": 2, **{f"w{i}": i for i in range(3, 40)}}


def tokenizer(*, bos=False, eos=True):
    backend = Tokenizer(models.WordLevel(WORDS, unk_token="<pad>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if bos:
        backend.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 2)])
    names = {"bos_token": "<bos>", "pad_token": "<pad>", **({"eos_token": "<eos>"} if eos else {})}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names)


def llama():
    torch.manual_seed(0)
    sizes = {"vocab_size": 40, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1}
    return LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=4, bos_token_id=None, eos_token_id=1))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    llama().to(torch.bfloat16).save_pretrained(path)
    tokenizer(bos=True).save_pretrained(path)
    return path


def test_a_folder_loads_in_its_own_precision_or_another(folder):
    assert load_model(folder, device="cpu").dtype == torch.bfloat16
    model = load_model(str(folder), dtype="float32", device="cpu")
    assert model.dtype == torch.float32
    assert not model.training
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("family", ["gemma2", "gpt_oss", "gptj", "gpt_neo", "bloom", "mpt", "mamba"])
def test_a_model_without_fused_attention_loads_with_its_own(family, tmp_path):
    expected = small_model_of(family)
    expected.save_pretrained(tmp_path)
    model = load_model(tmp_path, device="cpu")
    inputs = torch.tensor([[3, 4, 5, 6]])
    assert model.config._attn_implementation == "eager"
    torch.testing.assert_close(model(inputs).logits, expected(inputs).logits)


def test_encoder_decoder_models_load(tmp_path):
    config = T5Config(vocab_size=40, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0)
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    assert isinstance(load_model(tmp_path), T5ForConditionalGeneration)
    assert load_config(tmp_path).is_encoder_decoder


def test_an_adapter_is_merged_onto_its_base(folder, tmp_path):
    pytest.importorskip("peft")
    adapted = add_lora(load_model(folder, dtype="float32"), Lora(rank=2), seed=0)
    torch.manual_seed(0)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    adapted.save_pretrained(tmp_path)
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "base_model_name_or_path": str(folder)}))
    merged = load_model(tmp_path, dtype="float32")
    torch.testing.assert_close(merged.state_dict(), merge_lora(adapted).state_dict())
    assert load_tokenizer(tmp_path).bos_token == "<bos>"


def test_a_model_of_the_hub_is_found_by_its_name_once_it_is_downloaded(folder, tmp_path, monkeypatch):
    snapshot = tmp_path / "models--org--tiny" / "snapshots" / "0a1b"
    shutil.copytree(folder, snapshot)
    asked = {}

    def downloaded(name, **options):
        asked[name] = options
        return str(snapshot)

    monkeypatch.setattr("huggingface_hub.snapshot_download", downloaded)
    assert load_model("org/tiny", device="cpu").dtype == torch.bfloat16
    assert asked["org/tiny"] == {"local_files_only": True}
    assert [model_name(one) for one in (snapshot, tmp_path / "run" / "model", tmp_path / "mine")] == [
        "tiny",
        "run",
        "mine",
    ]


def test_what_is_missing_is_named(tmp_path, folder):
    with pytest.raises(ModelError, match=r"no model folder at.*hf download"):
        load_model("no-such-org/no-such-model")
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_model(tmp_path)
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        load_tokenizer(tmp_path)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "no-such-model"}')
    with pytest.raises(ModelError, match="cannot be read"):
        load_config(tmp_path)


@pytest.mark.parametrize("bos", [True, False])
def test_bos_opens_a_sequence_iff_the_tokenizer_says_so(bos):
    encoded = encoder_for(tokenizer(bos=bos), Format()).pairs([("w5 w6", "w7")])[0]
    assert encoded.tokens == [*([2] if bos else []), 5, 6, 1, 7, 1]


def test_a_tokenizer_without_end_is_refused():
    with pytest.raises(ModelError, match="no end-of-sequence token"):
        encoder_for(tokenizer(eos=False), Format())


def test_all_tokens_that_a_tokenizer_opens_a_text_with_are_kept():
    backend = tokenizer().backend_tokenizer
    backend.post_processor = processors.TemplateProcessing(
        "<pad> <bos> $A", special_tokens=[("<pad>", 0), ("<bos>", 2)]
    )
    made = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>", bos_token="<bos>", pad_token="<pad>")
    encoder = encoder_for(made, Format())
    assert encoder.prefixes(["w5"]) == [[0, 2, 5, 1]]
    assert encoder.pairs([("w5", "w7")])[0].tokens == [0, 2, 5, 1, 7, 1]


def test_missing_weights_are_told_and_not_made_up(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    settings = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**settings, "num_hidden_layers": 2, "layer_types": None}))
    with pytest.raises(ModelError, match=r"not complete: 9 are missing .* model\.layers\.1\."):
        load_model(copy)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_weights_that_were_cut_short_are_told(folder, tmp_path, keep):
    copy = shutil.copytree(folder, tmp_path / "copy")
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_model(copy)


def test_a_lost_part_of_the_weights_is_named(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00002-of-00002.safetensors"}}')
    with pytest.raises(ModelError, match=r"lacks the weight files model-00002-of-00002\.safetensors"):
        load_model(copy)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"model": 3}', b"\xff\xfe", b'{"model_type": "llama", "vocab_size": "x"}']
)
def test_a_damaged_file_is_one_sentence(folder, tmp_path, name, damage):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / name).write_bytes(damage)
    said = ""
    try:
        load_model(copy)
        encoder_for(copy, Format())
    except ModelError as error:
        said = str(error)
    assert not said or (str(copy) in said and "\n" not in said)
