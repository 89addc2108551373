import pytest
from training_support import llama, stream
from transformers import LlamaConfig

from openflan.model.adapters import Lora
from openflan.train.card import model_card
from openflan.train.config import TrainConfig, TrainError
from openflan.train.estimate import DEVICES, estimate

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
    import torch

    from openflan.train.loss import CausalLoss

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
