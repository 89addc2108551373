import copy

import pytest
import torch
from training_support import llama, stream
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, T5Config

from openflan.errors import ModelError
from openflan.model.adapters import Lora
from openflan.training.card import model_card
from openflan.training.config import TrainConfig, TrainError
from openflan.training.devices import DEVICES, cpu_speed, kind_of
from openflan.training.estimate import estimate

EIGHT_B = LlamaConfig(
    vocab_size=128256,
    hidden_size=4096,
    intermediate_size=14336,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
)


def config(**changes):
    return TrainConfig(**{"steps": 1000, "tokens_per_step": 16384, "row_length": 2048, **changes})


def test_parameters_are_counted_without_weights():
    model = llama()
    found = estimate(model.config, config())
    assert found.parameters == sum(weight.numel() for weight in model.parameters())
    assert estimate(EIGHT_B, config(), device="h100").parameters == pytest.approx(8.0e9, rel=0.01)


def test_an_8b_model_fits_one_h100_only_as_an_adapter():
    parts = {"accumulate": 8, "activation_checkpointing": True}
    assert estimate(EIGHT_B, config(**parts), device="h100").fits is False
    assert estimate(EIGHT_B, config(**parts, adapter=Lora()), device="h100").fits is True
    assert estimate(EIGHT_B, config(shard=True), device="h100", count=8).fits is True


def test_the_adapter_is_counted_as_peft_makes_it():
    peft = pytest.importorskip("peft")
    model = llama()
    found = estimate(model.config, config(adapter=Lora(rank=4)))
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    assert found.trained == adapted.get_nb_trainable_parameters()[0]


def test_more_devices_and_fewer_tokens_take_less_time():
    one, eight = (estimate(EIGHT_B, config(), device="h100", count=count).seconds for count in (1, 8))
    assert one[0] == pytest.approx(8 * eight[0])
    assert one[0] < one[1]
    assert estimate(EIGHT_B, config(steps=100), device="h100").seconds[0] == pytest.approx(one[0] / 10)


def test_memory_follows_the_settings():
    def memory(**changes):
        return estimate(EIGHT_B, config(**changes), device="h100").memory

    assert memory(optimizer="adafactor") < memory()
    assert memory(activation_checkpointing=True) < memory()
    assert memory(accumulate=8) < memory(accumulate=1)


def test_the_activations_are_those_that_autograd_keeps():
    from openflan.training.loss import CausalLoss

    model = llama(hidden_size=64, intermediate_size=172, num_hidden_layers=8).train()
    loss, rows = CausalLoss(model), stream(row_length=64).rows(0)[:8]
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        total = loss(loss.batch(rows, "cpu"))
    settings = config(tokens_per_step=512, row_length=64, accumulate=1)
    assert estimate(model.config, settings).activations == pytest.approx(sum(kept.values()), rel=0.35)
    assert total.item() > 0


def test_every_number_has_its_assumption_and_unknown_devices_are_named():
    found = estimate(EIGHT_B, config(), device="a100")
    assert any("a100" in line for line in found.assumptions)
    assert len(found.lines()) == 4
    with pytest.raises(TrainError, match="h100"):
        estimate(EIGHT_B, config(), device="toaster")
    assert set(DEVICES) >= {"h100", "h200"}


def test_the_model_card_says_what_was_done():
    card = model_card(
        config(adapter=Lora(rank=8)),
        base="somewhere/small-model",
        facts={"steps": "1,000"},
        datasets={"rte": "unknown"},
        held_out=("nli",),
    )
    assert card.startswith("---\nlibrary_name: transformers\n")
    for part in (
        "base_model: somewhere/small-model",
        "LoRA of rank 8",
        "| rte | unknown |",
        "never trained on: nli",
        "1,000",
    ):
        assert part in card


def test_the_adapter_is_counted_on_the_layers_it_is_put_on():
    peft = pytest.importorskip("peft")
    for model, targets in ((llama(), ("q_proj", "v_proj")), (gpt2(), ()), (gpt2(), ("c_attn",))):
        found = estimate(model.config, config(adapter=Lora(rank=4, targets=targets)))
        wanted = list(targets) or "all-linear"
        adapted = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=wanted, task_type="CAUSAL_LM"))
        assert found.trained == adapted.get_nb_trainable_parameters()[0]
    with pytest.raises(ModelError, match="no layer called nowhere"):
        estimate(EIGHT_B, config(adapter=Lora(targets=("nowhere",))), device="h100")


def gpt2():
    return GPT2LMHeadModel(GPT2Config(vocab_size=96, n_embd=32, n_layer=2, n_head=4))


def test_an_adapters_base_is_as_wide_as_it_was_saved():
    narrow, wide = copy.copy(EIGHT_B), copy.copy(EIGHT_B)
    narrow.dtype, wide.dtype = torch.bfloat16, torch.float32
    found = [estimate(shape, config(adapter=Lora()), device="h200") for shape in (narrow, wide)]
    assert found[1].weights - found[0].weights == 2 * found[0].parameters


@pytest.mark.parametrize(
    ("name", "memory", "kind"),
    [
        ("NVIDIA L4", 24e9, "l4"),
        ("NVIDIA L40", 48e9, "l40"),
        ("NVIDIA L40S", 48e9, "l40s"),
        ("NVIDIA A100-SXM4-40GB", 42.4e9, "a100-40gb"),
        ("NVIDIA A100 80GB PCIe", 85e9, "a100"),
        ("NVIDIA H100 80GB HBM3", 85e9, "h100"),
        ("NVIDIA H200", 150e9, "h200"),
        ("NVIDIA GeForce RTX 4090", 25.7e9, "rtx4090"),
        ("NVIDIA A10G", 24e9, "a10g"),
        ("NVIDIA GH200 480GB", 102e9, None),
        ("NVIDIA GeForce GTX 1080", 8e9, None),
    ],
)
def test_a_gpu_is_known_by_its_whole_name(name, memory, kind):
    assert kind_of(name, memory) == kind


def test_a_t5_does_half_the_work_of_a_decoder_of_its_size():
    shape = T5Config(vocab_size=1000, d_model=512, d_ff=2048, num_layers=6, num_heads=8)
    found = estimate(shape, config(), device="h100")
    work = 0.25 * DEVICES["h100"].flops / found.speed[0]
    body = found.parameters - 1000 * 512
    assert 0.35 * 6 * body < work - 6 * 0.15 * 1000 * 512 < 0.65 * 6 * body


def test_what_nearly_fills_a_device_does_not_fit():
    sizes = {"accumulate": 1, "tokens_per_step": 2048}
    found = [
        estimate(EIGHT_B, config(optimizer="adafactor", activation_checkpointing=True, **sizes), device=name)
        for name in DEVICES
    ]
    for one in found:
        assert one.fits == (one.memory <= 0.9 * one.available)
        word = "fits in" if one.fits else "TOO CLOSE" if one.memory <= one.available else "DOES NOT FIT"
        assert word in one.lines()[1]


def test_rows_that_the_devices_cannot_share_are_named():
    with pytest.raises(TrainError, match="a step of 8 rows cannot be shared by 16 processes"):
        estimate(EIGHT_B, config(), device="h100", count=16)


def test_loading_and_gathering_are_counted_when_weights_are_shared_out():
    shared = estimate(EIGHT_B, config(tokens_per_step=16 * 2048, shard=True), device="l4", count=16)
    assert shared.host == 4 * shared.parameters
    assert shared.weights > 8 * shared.parameters / 16
    assert any("host memory" in line for line in shared.assumptions)
    assert estimate(EIGHT_B, config(), device="h200", count=2).host == 2 * shared.host


def test_a_cpu_is_timed_with_real_steps_and_the_speed_is_said():
    slow, fast = cpu_speed(llama(max_position_embeddings=512).config, config())
    assert 0 < slow <= fast
    found = estimate(EIGHT_B, config(steps=1))
    assert found.seconds[0] < found.seconds[1]
    assert "tokens a second" in found.lines()[3]
    assert any("GFLOP/s" in line for line in found.assumptions)
