"""A run folder belongs to one base model, in one precision, and says so before anything in it changes."""

import pytest
import torch
from training_support import config, llama, stream, tokenizer

from openflan.errors import Stopped
from openflan.model.adapters import Lora
from openflan.training.config import TrainError
from openflan.training.loop import train
from openflan.training.result import check_folder, identity, weights_fingerprint
from openflan.training.stopping import exit_status

torch.set_num_threads(1)

CPU = torch.device("cpu")


def run(folder, model=None, stop_after=None, base=None, begin=None, **changes):
    def stop(progress):
        if progress.step == stop_after:
            raise Stopped("stopped", 143)

    settings = config(**{"checkpoint_every": 1, **changes})
    options = {"tokenizer": tokenizer(), "say": lambda line: None, "on_progress": stop, "base": base, "begin": begin}
    return train(model or llama(), stream(), settings, folder, **options)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("stop_after", [3, None], ids=["stopped", "finished"])
@pytest.mark.parametrize("adapter", [None, Lora(rank=2)], ids=["all weights", "LoRA"])
def test_another_base_model_is_refused_with_both_named_and_nothing_changed(tmp_path, stop_after, adapter):
    try:
        run(tmp_path, stop_after=stop_after, adapter=adapter)
    except Stopped:
        assert stop_after
    before, began = contents(tmp_path), []
    was, now = weights_fingerprint(llama()), weights_fingerprint(llama(seed=1))
    with pytest.raises(TrainError, match=f"base model: {was} then, {now} now"):
        run(tmp_path, llama(seed=1), adapter=adapter, begin=lambda: began.append(1))
    assert contents(tmp_path) == before
    assert not began
    assert run(tmp_path, adapter=adapter).step == 6


def test_what_the_caller_says_of_the_base_model_counts(tmp_path):
    run(tmp_path, base={"base model": "a", "tokenizer": "b"})
    with pytest.raises(TrainError, match="base model: a then, c now; tokenizer: b then, None now"):
        run(tmp_path, base={"base model": "c"})
    check_folder(tmp_path, identity(stream(), config(), {"base model": "a", "tokenizer": "b"}, CPU))
    with pytest.raises(TrainError, match="dtype: float32 then, bfloat16 now"):
        check_folder(tmp_path, identity(stream(), config(dtype="bfloat16"), {"base model": "a", "tokenizer": "b"}, CPU))


def test_the_precision_in_force_counts_and_not_its_name(tmp_path):
    run(tmp_path, dtype="auto")
    assert run(tmp_path, dtype="float32").step == 6


def test_the_folder_is_begun_once_it_is_sure_to_be_this_runs(tmp_path):
    seen = []
    run(tmp_path, begin=lambda: seen.append(sorted(path.name for path in tmp_path.iterdir())))
    assert seen == [[".lock"]]


def test_a_fingerprint_is_of_weights_and_configuration_alone(tmp_path):
    llama().save_pretrained(tmp_path)
    loaded = type(llama()).from_pretrained(tmp_path)
    assert weights_fingerprint(loaded) == weights_fingerprint(llama())
    with torch.no_grad():
        loaded.lm_head.weight[-1, -1] += 1e-3
    assert weights_fingerprint(loaded) != weights_fingerprint(llama())
    assert weights_fingerprint(llama(rms_norm_eps=1e-3)) != weights_fingerprint(llama())


def test_sigterm_goes_before_ctrl_c():
    assert [exit_status(told) for told in [(False, False), (True, False), (False, True), (True, True)]] == [
        None,
        143,
        130,
        143,
    ]
