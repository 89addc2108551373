"""Soft prompts: the same as embeddings prepended by hand, whatever runs the model, and the same to peft."""

import json
import shutil

import pytest
import torch
from small_models import (
    BOS,
    CAUSAL,
    EOS,
    FAMILIES,
    UNSHARED,
    VOCABULARY,
    assert_close,
    byte_tokenizer,
    small_model_of,
    some_requests,
)
from tiny_folder import save_tiny_model
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from openflan.data.encode import Encoder, Format
from openflan.errors import ModelError, RecipeError
from openflan.evaluation.scoring.model import ModelScorer
from openflan.model.encoder import encoder_for
from openflan.model.identity import model_identity
from openflan.model.load import load_config, load_model, load_tokenizer
from openflan.model.soft_embedding import SoftEmbedding, known_tokens
from openflan.model.soft_prompt import SoftPrompt
from openflan.recipe import load_recipe
from openflan.training.config import TrainConfig
from openflan.training.place import load_to_train

LENGTH = 3
TOKENS = torch.tensor([[5, 9, 7, 11, 6]])


def fresh(family):
    torch.manual_seed(0)
    return FAMILIES[family]().eval()


def attached(model, **settings):
    prompt = SoftPrompt(**{"length": LENGTH, "init": "uniform", **settings})
    return prompt.attach(model, seed=3, tokenizer=hugging_face_tokenizer())


def hugging_face_tokenizer():
    return PreTrainedTokenizerFast(tokenizer_object=byte_tokenizer(), eos_token="<eos>", bos_token="<bos>")


def soft_encoder(join="eos", opening=()):
    soft = range(VOCABULARY, VOCABULARY + LENGTH)
    return Encoder(byte_tokenizer(), Format(join=join, input_length=200), eos=EOS, opening=opening, soft=soft)


def by_hand(model, prompt, tokens):
    """Logits [tokens, vocabulary] of a plain model with the vectors prepended to the embeddings of what it reads."""
    rows = torch.cat([prompt, model.get_input_embeddings()(torch.tensor(tokens))])[None]
    return model(inputs_embeds=rows, use_cache=False).logits[0, len(prompt) :]


@pytest.mark.parametrize("family", [family for family in CAUSAL if family != "mamba"])
def test_scores_equal_those_of_embeddings_prepended_by_hand(family):
    plain, model = small_model_of(family), fresh(family)
    prompt = attached(model).embedding.prompt.detach()
    encoder, requests = soft_encoder(opening=[BOS]), some_requests(6)
    found = dict(ModelScorer(model, encoder, token_budget=128).rank(requests))
    for number, request in enumerate(requests):
        expected = []
        for tokens, start in encoder.options(request.input, request.options):
            logits = by_hand(plain, prompt, tokens[LENGTH:])[start - LENGTH - 1 : -1]
            targets = torch.tensor(tokens[start:])
            expected.append(torch.log_softmax(logits.double(), -1).gather(1, targets[:, None]).sum().item())
        assert_close(found[number].logprobs, expected)


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2", min(UNSHARED)])
def test_answers_equal_those_of_embeddings_prepended_by_hand(family):
    plain, model = small_model_of(family), fresh(family)
    prompt = attached(model).embedding.prompt.detach()
    inputs = ["the cat sat on", "rain", "the cat sat over a mat"]
    encoder = soft_encoder()
    scorer = ModelScorer(model, encoder, token_budget=64)
    for number, answer in scorer.generate(inputs, max_tokens=6):
        tokens = encoder.prefixes([inputs[number]])[0][LENGTH:]
        written: list[int] = []
        while len(written) < 6 and EOS not in written:
            written.append(int(by_hand(plain, prompt, tokens + written)[-1].argmax()))
        assert answer == encoder.decode([token for token in written if token != EOS])


def test_an_encoder_decoder_reads_the_prompt_in_its_encoder():
    plain, model = small_model_of("t5"), fresh("t5")
    model.lm_head = plain.lm_head
    prompt = attached(model).embedding.prompt.detach()
    encoder, requests = soft_encoder(), some_requests(4)
    found = dict(ModelScorer(model, encoder).rank(requests))
    for number, request in enumerate(requests):
        expected = []
        for tokens, start in encoder.options(request.input, request.options):
            rows = torch.cat([prompt, plain.get_input_embeddings()(torch.tensor(tokens[LENGTH:start]))])[None]
            targets = torch.tensor(tokens[start:])
            logits = plain(inputs_embeds=rows, labels=targets[None]).logits[0]
            expected.append(torch.log_softmax(logits.double(), -1).gather(1, targets[:, None]).sum().item())
        assert_close(found[number].logprobs, expected)


@pytest.fixture
def base(tmp_path):
    return save_tiny_model(tmp_path / "base")


@pytest.fixture
def saved(base, tmp_path):
    """A folder with a soft prompt of a saved model."""
    attached(load_model(base, device="cpu")).save(tmp_path / "prompt", torch.float32)
    return tmp_path / "prompt"


def test_what_is_saved_is_small_and_loads_as_it_was(base, saved):
    model = load_model(base, device="cpu")
    prompt = attached(model).embedding.prompt
    assert sum(path.stat().st_size for path in saved.iterdir()) < 4 * prompt.numel() + 1500
    again = load_model(saved, device="cpu")
    soft = torch.tensor([[*range(VOCABULARY, VOCABULARY + LENGTH), *TOKENS[0]]])
    assert torch.equal(again(soft).logits, model(soft).logits)
    assert load_config(saved).vocab_size == VOCABULARY
    assert load_tokenizer(saved).eos_token == "<eos>"
    assert encoder_for(saved, Format()).prefixes([""])[0] == [*range(VOCABULARY, VOCABULARY + LENGTH), EOS]
    assert known_tokens(again) == VOCABULARY + LENGTH


@pytest.mark.parametrize("encoder_decoder", [False, True])
def test_peft_loads_it_and_gives_the_same_logits(base, tmp_path, encoder_decoder):
    peft = pytest.importorskip("peft")
    more = {}
    if encoder_decoder:
        torch.manual_seed(0)
        config = T5Config(
            vocab_size=VOCABULARY, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0
        )
        T5ForConditionalGeneration(config).save_pretrained(tmp_path / "t5")
        base, more = tmp_path / "t5", {"decoder_input_ids": torch.tensor([[0, 8, 9]])}
    model = load_model(base, device="cpu")
    attached(model).save(tmp_path / "prompt", torch.float32)
    theirs = peft.PeftModel.from_pretrained(load_model(base, device="cpu"), str(tmp_path / "prompt")).eval()
    soft = torch.tensor([[*range(VOCABULARY, VOCABULARY + LENGTH), *TOKENS[0]]])
    mask = torch.ones_like(TOKENS)
    expected = theirs(input_ids=TOKENS, attention_mask=mask, **more).logits
    torch.testing.assert_close(model(input_ids=soft, **more).logits, expected, atol=1e-5, rtol=1e-5)


def test_a_prompt_that_peft_made_is_read(base, tmp_path):
    peft = pytest.importorskip("peft")
    torch.manual_seed(1)
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=LENGTH)
    theirs = peft.get_peft_model(load_model(base, device="cpu"), config).eval()
    theirs.save_pretrained(tmp_path / "theirs")
    soft = torch.tensor([[*range(VOCABULARY, VOCABULARY + LENGTH), *TOKENS[0]]])
    expected = theirs(input_ids=TOKENS, attention_mask=torch.ones_like(TOKENS)).logits
    found = load_model(tmp_path / "theirs", device="cpu")(soft).logits
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_another_base_is_refused(base, saved):
    with torch.no_grad():
        other = load_model(base, device="cpu")
        other.lm_head.weight += 1
        other.save_pretrained(base)
    with pytest.raises(ModelError, match=r"was trained on another model than the one that is now in .*base"):
        load_model(saved)


def test_the_identity_is_of_prompt_and_base(base, saved):
    whole = model_identity(saved)
    assert whole["fingerprint"] != model_identity(base)["fingerprint"]
    assert whole["base"]


@pytest.mark.parametrize("fault", ["adapter_model.safetensors", "num_virtual_tokens", "wider"])
def test_a_damaged_folder_is_named(base, saved, fault):
    settings = json.loads((saved / "adapter_config.json").read_text())
    if fault == "num_virtual_tokens":
        del settings[fault]
        (saved / "adapter_config.json").write_text(json.dumps(settings))
        with pytest.raises(ModelError, match="does not say how long its prompt is"):
            encoder_for(saved, Format())
        return
    if fault == "wider":
        (saved / "adapter_config.json").write_text(json.dumps({**settings, "num_virtual_tokens": LENGTH + 1}))
    else:
        (saved / fault).unlink()
    with pytest.raises(ModelError, match="does not fit its base"):
        load_model(saved)


def test_a_prompt_is_not_trained_on_a_prompt(saved):
    with pytest.raises(ModelError, match="holds a soft prompt, which cannot be trained further"):
        load_to_train(saved, TrainConfig(steps=1), None)
    with pytest.raises(ModelError, match="has a soft prompt"):
        attached(load_model(saved, device="cpu"))


def vectors(**settings):
    model = fresh("llama")
    table = model.get_input_embeddings().weight.detach()
    return attached(model, **settings).embedding.prompt.detach(), table


def test_class_labels_begin_as_the_mean_of_their_tokens():
    tokenizer = hugging_face_tokenizer()
    found, table = vectors(init="class_labels", words=("cat", "the rain fell"), length=4)
    for row, word in enumerate(("cat", "the rain fell")):
        torch.testing.assert_close(found[row], table[tokenizer(word).input_ids].mean(0))
    assert all(any(torch.equal(row, one) for one in table) for row in found[2:])


def test_more_labels_than_vectors_are_left_out():
    few, _ = vectors(init="class_labels", words=("cat", "mat", "rain"), length=2)
    assert few.shape == (2, 32)


def test_other_beginnings_follow_from_the_seed():
    sampled, table = vectors(init="vocabulary", length=8)
    ids = [next(i for i, one in enumerate(table) if torch.equal(row, one)) for row in sampled]
    assert len(set(ids)) == 8
    assert not {EOS, BOS} & set(ids)
    assert torch.equal(sampled, vectors(init="vocabulary", length=8)[0])
    uniform, _ = vectors(init="uniform", length=200)
    assert uniform.min() >= -0.5
    assert uniform.max() <= 0.5
    assert uniform.max() - uniform.min() > 0.9


def test_class_labels_need_labels():
    with pytest.raises(ModelError, match="needs words"):
        attached(fresh("llama"), init="class_labels")


def test_a_frozen_model_has_no_dropout():
    model = fresh("t5")
    attached(model)
    model.train()
    assert [name for name, weight in model.named_parameters() if weight.requires_grad] == ["shared.prompt"]
    assert isinstance(model.get_input_embeddings(), SoftEmbedding)
    inputs = {"input_ids": TOKENS, "labels": TOKENS}
    assert torch.equal(model(**inputs).logits, model(**inputs).logits)


def test_recipes_name_either_adapter():
    assert load_recipe(None, ["train.steps=3", "train.adapter={kind: prompt, length: 5}"]).train.adapter == SoftPrompt(
        length=5
    )
    assert load_recipe(None, ["train.steps=3", "train.adapter={kind: lora, rank: 5}"]).train.adapter.rank == 5
    with pytest.raises(RecipeError, match=r"train\.adapter\.lenght: unknown key.*length"):
        load_recipe(None, ["train.steps=3", "train.adapter={kind: prompt, lenght: 5}"])
    with pytest.raises(RecipeError, match=r"train\.adapter"):
        load_recipe(None, ["train.steps=3", "train.adapter={kind: prefix}"])


def test_a_recipe_that_is_saved_is_the_same_again(tmp_path):
    recipe = load_recipe(None, ["train.steps=3", "train.adapter={kind: prompt, length: 5, init: uniform}"])
    recipe.save(tmp_path / "recipe.yaml")
    assert load_recipe(tmp_path / "recipe.yaml").train == recipe.train


def test_a_moved_base_is_found_when_it_is_named(base, saved):
    shutil.move(base, base.with_name("moved"))
    with pytest.raises(ModelError, match="is not on this machine"):
        load_model(saved)
    settings = json.loads((saved / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = "../moved"
    (saved / "adapter_config.json").write_text(json.dumps(settings))
    assert known_tokens(load_model(saved)) == VOCABULARY + LENGTH
