import json

import pytest
from datasets import load_dataset

from openflan.api.data import load_mixture
from openflan.api.export import export
from openflan.study.stream import make_stream

trl = pytest.importorskip("trl", reason="TRL is of the extra `peers`", exc_type=ImportError)


@pytest.fixture(scope="module")
def folder(recipe, tmp_path_factory):
    return export(recipe, "trl", tmp_path_factory.mktemp("out") / "trl", examples=8, silent=True).folder


@pytest.fixture(scope="module")
def ours(recipe, tiny):
    """The token sequences of training, with their labels."""
    stream = make_stream(recipe, tiny, load_mixture(recipe.data, silent=True).mixture)
    stream.window = 8
    return [(tokens, [-100] * start + tokens[start:]) for tokens, start in stream.sequences(0)]


@pytest.mark.parametrize("tokenized_by", ["openflan", "trl"])
def test_the_trainer_takes_two_steps_on_our_labels(folder, ours, tiny, tmp_path, tokenized_by):
    rows = load_dataset("json", data_dir=str(folder / "data"), split="train", cache_dir=str(tmp_path / "cache"))
    if tokenized_by == "trl":
        rows = rows.remove_columns(["input_ids", "completion_mask"])
    trainer = trl.SFTTrainer(model=str(tiny), args=_arguments(tmp_path, max_steps=2), train_dataset=rows)
    batches = list(trainer.get_train_dataloader())
    got = [(batch["input_ids"][0].tolist(), batch["labels"][0].tolist()) for batch in batches]
    assert got == ours
    assert trainer.train().global_step == 2


def test_its_configuration_is_one_that_it_reads(folder, tiny):
    parser = trl.TrlParser((trl.ScriptArguments, trl.SFTConfig, trl.ModelConfig))
    script, config, model = parser.parse_args_and_config(["--config", str(folder / "trl.yaml")])
    assert script.dataset_name == str(folder / "data")
    assert (model.model_name_or_path, config.completion_only_loss) == (str(tiny), True)
    assert json.loads((folder / "export.json").read_text())["examples"] == 8


def _arguments(out, **more):
    return trl.SFTConfig(
        output_dir=str(out), per_device_train_batch_size=1, max_length=1024, report_to="none", use_cpu=True,
        train_sampling_strategy="sequential", save_strategy="no", bf16=False, disable_tqdm=True, **more,
    )  # fmt: skip
