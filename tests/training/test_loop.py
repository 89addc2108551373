import json
import math

import pytest
import torch
from training_support import ROW, config, llama, stream, tokenizer

from openflan.data.stream import Step
from openflan.errors import ModelError, RecipeError
from openflan.model.adapters import Lora
from openflan.model.identity import resolved_dtype
from openflan.model.load import load_model, load_tokenizer
from openflan.model.weights import read_header
from openflan.recipe import load_recipe
from openflan.training import save
from openflan.training.config import TrainConfig, TrainError
from openflan.training.loop import train
from openflan.training.loss import loss_for
from openflan.training.optimizer import learning_rate
from openflan.training.parallel import World
from openflan.training.place import make_trainable

torch.set_num_threads(1)


def run(folder, model=None, rows=None, **changes):
    progress = []
    model = model or llama()
    options = {"tokenizer": tokenizer(), "on_progress": progress.append, "say": lambda line: None}
    result = train(model, rows or stream(), config(**changes), folder, **options)
    return result, [entry.loss for entry in progress]


def test_the_loss_falls_and_the_model_loads_as_any_other(tmp_path):
    result, losses = run(tmp_path, steps=40, checkpoint_every=0)
    assert result.step == 40
    assert losses[-1] < 0.85 * losses[0]
    model = load_model(tmp_path / "model")
    assert model.config._attn_implementation == "sdpa"
    assert load_tokenizer(tmp_path / "model").eos_token == "<eos>"


def test_the_parts_a_step_is_taken_in_change_nothing(tmp_path):
    whole, parts = run(tmp_path / "1")[1], run(tmp_path / "4", accumulate=4)[1]
    assert whole == pytest.approx(parts, rel=1e-5)


@pytest.mark.parametrize(
    "changes",
    [{"optimizer": "adafactor"}, {"activation_checkpointing": True}, {"dtype": "bfloat16"}, {"weight_decay": 0.1}],
    ids=str,
)
def test_every_way_to_train_trains(tmp_path, changes):
    _, losses = run(tmp_path, steps=20, checkpoint_every=0, **changes)
    assert losses[-1] < losses[0]


def test_recomputed_activations_give_the_same_losses(tmp_path):
    kept, recomputed = run(tmp_path / "a")[1], run(tmp_path / "b", activation_checkpointing=True)[1]
    assert kept == pytest.approx(recomputed, rel=1e-6)


def test_lora_trains_only_the_adapter_and_is_merged(tmp_path):
    pytest.importorskip("peft")
    before = llama().state_dict()
    _, losses = run(tmp_path, steps=30, adapter=Lora(rank=4), checkpoint_every=10)
    assert losses[-1] < losses[0]
    after = load_model(tmp_path / "model").state_dict()
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "proj" in name}


@pytest.mark.parametrize(("dtype", "base"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_an_adapters_base_is_computed_in_the_precision_that_is_asked_for(dtype, base):
    pytest.importorskip("peft")
    model = llama().to(torch.bfloat16)
    compute = torch.float32 if dtype == "float32" else torch.bfloat16
    make_trainable(model, TrainConfig(steps=1, adapter=Lora(rank=2)), compute)
    assert model.get_input_embeddings().weight.dtype == base


@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
@pytest.mark.parametrize("adapter", [None, Lora(rank=2), Lora(rank=2, targets=("lm_head",))])
def test_a_model_is_saved_in_the_precision_it_was_loaded_in(tmp_path, compute, adapter):
    if adapter is not None:
        pytest.importorskip("peft")
    run(tmp_path, model=llama().to(torch.bfloat16), steps=1, dtype=compute, adapter=adapter)
    assert_saved_in_half(tmp_path / "model")


def test_weights_that_were_shared_out_are_saved_so_too(tmp_path, monkeypatch):
    model = llama()
    monkeypatch.setattr(save, "_is_sharded", lambda model: True)
    alone = World(0, 1, torch.device("cpu"))
    save.save_model(model, loss_for(model), None, tmp_path / "model", torch.bfloat16, alone, tokenizer(), "sdpa")
    assert_saved_in_half(tmp_path / "model")


def assert_saved_in_half(folder):
    weights = read_header(folder / "model.safetensors").values()
    assert {weight["dtype"] for weight in weights} == {"BF16"}
    assert resolved_dtype(folder, "auto") == "bfloat16"
    assert load_model(folder).dtype == torch.bfloat16


def test_metrics_have_a_line_per_step(tmp_path):
    run(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[-1]["tokens"] == 6 * 4 * ROW
    assert all(math.isfinite(line[name]) for line in lines for name in ("loss", "lr", "grad_norm", "labelled"))


def test_a_finished_run_is_not_run_again(tmp_path):
    first, _ = run(tmp_path)
    again, losses = run(tmp_path)
    assert again == first
    assert losses == []
    with pytest.raises(TrainError, match="other settings"):
        run(tmp_path, lr=1e-3)


class Unlabelled:
    """A stream whose third step has no labels."""

    row_length, fingerprint = ROW, "unlabelled"

    def steps(self, rows, start):
        for number, step in enumerate(stream().steps(rows, start), 1):
            if number == 3:
                step.rows.labelled[:] = False
            yield Step(step.rows, step.after)


def test_a_step_without_labels_is_an_error(tmp_path):
    with pytest.raises(TrainError, match="step 3 has no labelled token"):
        run(tmp_path, rows=Unlabelled())


def test_a_loss_that_is_not_finite_ends_the_run_with_the_last_checkpoint_named(tmp_path):
    with pytest.raises(TrainError, match=r"loss of step \d+ is nan.*step-00000002"):
        run(tmp_path, model=_explodes_after(3))


def _explodes_after(steps):
    """A model whose weights become NaN in the forward pass of a later step."""
    model = llama()
    calls = []

    def hook(*_):
        calls.append(model.training)
        if sum(calls) > steps:
            model.lm_head.weight.data.fill_(math.nan)

    model.model.register_forward_pre_hook(hook)
    return model


def test_a_vanished_run_folder_ends_the_run(tmp_path):
    import shutil

    def vanish(progress):
        shutil.rmtree(tmp_path / "run")

    with pytest.raises(TrainError, match="could not be written"):
        train(llama(), stream(), config(), tmp_path / "run", on_progress=vanish, say=lambda line: None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": 100}, "either steps or tokens"),
        ({"steps": 0}, "steps should be greater than or equal to 1, not 0"),
        ({"row_length": 0}, "row_length should be greater than or equal to 8, not 0"),
        ({"tokens_per_step": -32}, "tokens_per_step should be"),
        ({"lr": -1e-3}, "lr should be greater than 0"),
        ({"lr": math.nan}, "lr should be a finite number"),
        ({"weight_decay": math.inf}, "weight_decay should be a finite number"),
        ({"clip": -1.0}, "clip should be"),
        ({"warmup_steps": -1}, "warmup_steps should be"),
        ({"checkpoint_every": -1}, "checkpoint_every should be"),
        ({"seed": -1}, "seed should be"),
        ({"accumulate": 0}, "accumulate should be"),
        ({"tokens_per_step": 100}, "not a multiple of row_length"),
        ({"accumulate": 3}, "equal parts"),
        ({"keep": 0}, "keep should be greater than or equal to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(TrainError, match=message):
        config(**changes)


@pytest.mark.parametrize("changes", [{"dropout": 7.0}, {"dropout": 1.0}, {"dropout": -0.1}, {"rank": 0}, {"alpha": 0}])
def test_adapters_that_make_no_sense_are_refused(changes):
    with pytest.raises(ModelError, match=f"{next(iter(changes))} should be"):
        Lora(**changes)
    with pytest.raises(RecipeError, match=f"adapter.{next(iter(changes))}"):
        load_recipe(None, [f"train.adapter.{name}={value}" for name, value in changes.items()])


def test_a_token_budget_is_rounded_up_to_steps():
    assert TrainConfig(tokens=20_000, tokens_per_step=8192).total_steps == 3


def test_schedules():
    def rates(schedule):
        settings = TrainConfig(steps=10, lr=1.0, warmup_steps=2, schedule=schedule)
        return [learning_rate(settings, step) for step in range(1, 11)]

    for schedule in ("constant", "linear", "cosine"):
        assert rates(schedule)[:3] == [0.5, 1.0, 1.0]
    assert rates("constant")[2:] == [1.0] * 8
    assert rates("linear")[-1] == pytest.approx(1 / 8)
    assert 0 < rates("cosine")[-1] < rates("linear")[-1]


def test_a_run_says_what_it_will_take_and_leaves_a_model_card(tmp_path):
    said = []
    train(llama(), stream(), config(), tmp_path, tokenizer=tokenizer(), say=said.append)
    assert [line.split(":")[0] for line in said] == ["model", "memory", "data", "time"]
    card = (tmp_path / "model" / "README.md").read_text()
    assert "| steps | 6 |" in card
    assert "LlamaForCausalLM" in card
