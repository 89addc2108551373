"""Prompt tuning: only the vectors move, packed or not, and a run that was stopped ends as one that was not."""

import numpy as np
import pytest
import torch
from made_mixture import MadeMixture
from safetensors.torch import load_file
from training_support import ROW, VOCABULARY, config, llama, made, tokenizer

from openflan.data.encode import Encoder, Format
from openflan.data.pack import pack
from openflan.data.stream import Stream
from openflan.model.encoder import encoder_for
from openflan.model.load import load_model
from openflan.model.soft_prompt import SoftPrompt
from openflan.recipe import load_recipe
from openflan.study.labels import label_words, with_labels
from openflan.tasks.registry import load_catalog
from openflan.training.loop import train
from openflan.training.loss import loss_for
from openflan.training.optimizer import Adafactor, make_optimizer

LENGTH = 4
PROMPT = SoftPrompt(length=LENGTH, init="vocabulary")


def soft_stream():
    soft = range(VOCABULARY, VOCABULARY + LENGTH)
    encoder = Encoder(tokenizer().backend_tokenizer, Format(), eos=1, soft=soft)
    return Stream(MadeMixture(made), encoder, ROW, window=40)


@pytest.fixture
def base(tmp_path):
    llama().save_pretrained(tmp_path / "base")
    tokenizer().save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def run(base, folder, *, stop=None, **changes):
    losses = []

    def watch(progress):
        losses.append(progress.loss)
        if progress.step == stop:
            raise KeyboardInterrupt

    settings = {"steps": 12, "adapter": PROMPT, "optimizer": "adafactor", "lr": 0.1, "schedule": "constant", **changes}
    options = {"tokenizer": tokenizer(), "on_progress": watch, "say": lambda line: None}
    train(load_model(base, device="cpu"), soft_stream(), config(**settings), folder, **options)
    return losses


def prompt_in(folder):
    return load_file(folder / "model" / "adapter_model.safetensors")["prompt_embeddings"]


def test_only_the_vectors_change_and_the_loss_falls(base, tmp_path):
    before = llama().state_dict()
    losses = run(base, tmp_path / "run", steps=40)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert {path.name for path in (tmp_path / "run/model").iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "base.json",
    }
    after = load_model(tmp_path / "run/model", device="cpu")
    words = after.get_input_embeddings().words
    after.set_input_embeddings(words)
    assert all(torch.equal(weight, before[name]) for name, weight in after.state_dict().items())
    assert "library_name: peft" in (tmp_path / "run/model/README.md").read_text()


def test_a_stopped_run_ends_with_the_same_vectors(base, tmp_path):
    run(base, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(base, tmp_path / "stopped", stop=7)
    run(base, tmp_path / "stopped")
    assert torch.equal(prompt_in(tmp_path / "whole"), prompt_in(tmp_path / "stopped"))


def test_packed_examples_give_the_loss_and_the_gradient_of_single_ones():
    examples = [one for one in soft_stream().sequences(0)[:9] if len(one.tokens) <= ROW]

    def gradient(lengths):
        model = llama()
        embedding = PROMPT.attach(model, seed=0, tokenizer=tokenizer()).embedding
        loss = loss_for(model)
        total = sum(loss(loss.batch(rows, "cpu")) for rows in lengths)
        total.backward()
        return total.item(), embedding.prompt.grad

    packed = gradient([pack(examples, ROW)])
    single = gradient([pack([one], ROW) for one in examples])
    assert len(pack(examples, ROW)) < len(examples)
    assert packed[0] == pytest.approx(single[0], rel=1e-5)
    torch.testing.assert_close(packed[1], single[1], atol=1e-5, rtol=1e-4)


def test_the_folder_says_how_it_is_asked(base, tmp_path):
    run(base, tmp_path / "run", steps=2)
    encoder = encoder_for(tmp_path / "run/model", Format())
    assert encoder.prefixes(["w5"]) == soft_stream().encoder.prefixes(["w5"])
    assert encoder.prefixes(["w5"]) == encoder_for(base, Format(), PROMPT).prefixes(["w5"])


def test_adafactor_keeps_the_moments_of_a_prompt_one_by_one():
    weight = torch.nn.Parameter(torch.zeros(LENGTH, 200))
    optimizer = make_optimizer([weight], config(adapter=PROMPT, optimizer="adafactor"))
    weight.grad = torch.randn_like(weight)
    optimizer.step()
    assert set(optimizer.state[weight]) == {"step", "square"}
    # The first update is the sign of the gradient, times the rate: it is not scaled by the size of the weights.
    torch.testing.assert_close(weight.detach(), -1e-2 * weight.grad.sign())
    factored = Adafactor([torch.nn.Parameter(torch.zeros(LENGTH, 200))], lr=1e-2)
    assert factored.least_factored == 0


def test_labels_are_those_of_the_datasets():
    catalog = load_catalog()
    assert label_words(catalog.tasks("rte")) == tuple(catalog.tasks("rte")[0].layouts[0].options.values())
    assert label_words(catalog.tasks("copa"))[0].isalpha()
    recipe = load_recipe(None, ["data.tasks=[rte]", "train.steps=3", "train.adapter={kind: prompt}"])
    assert with_labels(recipe).adapter.words == label_words(catalog.tasks("rte"))
    own = recipe.replace(train={"adapter": {"kind": "prompt", "words": ["a", "b"]}})
    assert with_labels(own).adapter.words == ("a", "b")
