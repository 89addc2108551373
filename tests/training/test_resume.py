import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_support import config, llama, stream, tokenizer

from openflan.errors import Stopped
from openflan.files import LockedError
from openflan.training import checkpoint
from openflan.training.checkpoint import damage_of
from openflan.training.config import TrainError
from openflan.training.loop import train

torch.set_num_threads(1)

STEPS = 24


def run(folder, said=None, **changes):
    lines = said if said is not None else []
    return train(llama(), stream(), config(steps=STEPS, **changes), folder, tokenizer=tokenizer(), say=lines.append)


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    run(folder)
    return folder


def child(folder, steps_seen):
    """A run in a process of its own that reports every step. Forked, for a fresh one would take seconds to start."""

    def work():
        torch.set_num_threads(1)
        options = {"tokenizer": tokenizer(), "say": lambda line: None}
        train(llama(), stream(), config(steps=STEPS), folder, on_progress=lambda p: steps_seen.put(p.step), **options)

    return multiprocessing.get_context("fork").Process(target=work)


def test_killed_at_any_moment_a_run_ends_with_the_same_weights(tmp_path, unbroken):
    for stop_after, delay in ((1, 0.0), (3, 0.004), (4, 0.002), (8, 0.007), (12, 0.001), (17, 0.012)):
        steps_seen = multiprocessing.get_context("fork").Queue()
        process = child(tmp_path, steps_seen)
        process.start()
        while steps_seen.get(timeout=60) < stop_after:
            pass
        time.sleep(delay)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    run(tmp_path)
    assert_same_weights(weights(unbroken), weights(tmp_path))
    assert (tmp_path / "metrics.jsonl").read_text() == (unbroken / "metrics.jsonl").read_text()


def test_two_runs_in_one_folder_are_refused_and_the_first_goes_on(tmp_path, unbroken):
    steps_seen = multiprocessing.get_context("fork").Queue()
    process = child(tmp_path, steps_seen)
    process.start()
    assert steps_seen.get(timeout=60) == 1
    process_told = f"process {process.pid} on .*openflan train"
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(LockedError, match=process_told):
        run(tmp_path)
    os.kill(process.pid, signal.SIGCONT)
    process.join()
    assert_same_weights(weights(unbroken), weights(tmp_path))
    assert (tmp_path / "metrics.jsonl").read_text() == (unbroken / "metrics.jsonl").read_text()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_stops_and_the_same_command_goes_on(tmp_path, unbroken, number, status):
    def terminate(progress):
        if progress.step == 5:
            os.kill(os.getpid(), number)

    options = {"tokenizer": tokenizer(), "say": lambda line: None}
    with pytest.raises(Stopped, match="stopped after step 6; the same command goes on") as stopped:
        train(llama(), stream(), config(steps=STEPS), tmp_path, on_progress=terminate, **options)
    assert stopped.value.status == status
    assert not (tmp_path / "model").exists()
    assert (tmp_path / "checkpoints" / "step-00000006").is_dir()
    assert run(tmp_path).step == STEPS
    assert_same_weights(weights(unbroken), weights(tmp_path))


def stopped_run(folder, step=11):
    """A run that ended after `step`, leaving checkpoints."""

    def stop(progress):
        if progress.step == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(llama(), stream(), config(steps=STEPS), folder, on_progress=stop, tokenizer=tokenizer(), say=print)
    return sorted((folder / "checkpoints").iterdir())


def test_the_last_checkpoints_are_kept(tmp_path):
    assert [path.name for path in stopped_run(tmp_path)] == ["step-00000008", "step-00000010"]


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(tmp_path, unbroken):
    before, last = stopped_run(tmp_path)
    with next(last.glob("*.safetensors")).open("r+b") as file:
        file.seek(2000)
        file.write(b"\x00\x01\x02\x03damage")
    said = []
    run(tmp_path, said)
    assert said[-2].startswith(f"{last.name} is damaged")
    assert said[-1] == f"resuming after step 8 of {STEPS}"
    assert before.name == "step-00000008"
    assert_same_weights(weights(unbroken), weights(tmp_path))


def test_a_checkpoint_that_lost_a_file_or_its_record_is_damaged(tmp_path):
    first, second = stopped_run(tmp_path)
    assert damage_of(first) is None
    next(first.glob("*.safetensors")).unlink()
    assert "No such file" in damage_of(first)
    (second / "record.json").write_text("{")
    assert damage_of(second) == "record.json is not what was written"
    with pytest.raises(TrainError, match="every checkpoint"):
        run(tmp_path)


@pytest.mark.parametrize("field", ["step", "window", "row", "labelled"])
def test_a_checkpoint_with_an_edited_record_is_damaged(tmp_path, unbroken, field):
    _, last = stopped_run(tmp_path)
    record = json.loads((last / "record.json").read_text())
    record[field] -= 1
    (last / "record.json").write_text(json.dumps(record))
    said = []
    run(tmp_path, said)
    assert f"{last.name} is damaged (record.json is not what was written); going back to the one before it" in said
    assert_same_weights(weights(unbroken), weights(tmp_path))


def test_a_damaged_model_of_a_finished_run_is_made_again_from_the_last_checkpoint(tmp_path, unbroken):
    run(tmp_path)
    for path in sorted((tmp_path / "model").iterdir()):
        if path.name == "README.md":  # which is added to when the model has been measured
            continue
        said, content = [], bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        run(tmp_path, said)
        assert f"model/{path.name} is not what was written; making the model again" in said[0]
        assert_same_weights(weights(unbroken), weights(tmp_path))
    shutil.rmtree(tmp_path / "model")
    assert run(tmp_path).step == STEPS
    assert_same_weights(weights(unbroken), weights(tmp_path))


def test_a_damaged_model_without_a_checkpoint_is_not_handed_out(tmp_path):
    run(tmp_path, checkpoint_every=0)
    for name in ("model/model.safetensors", "train.json"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-4])
        with pytest.raises(TrainError, match=f"{name}.*there is no checkpoint") as raised:
            run(tmp_path, checkpoint_every=0)
        assert "train from the beginning" in str(raised.value)


def test_damaged_metrics_are_left_out_and_said(tmp_path):
    stopped_run(tmp_path)
    path = tmp_path / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    lines[2] = lines[2].replace('"loss": ', '"loss": 1')
    path.write_text("".join(lines))
    said = []
    run(tmp_path, said)
    assert "metrics.jsonl has lost the lines of 1 step, the first of them step 3" in said
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, *range(4, STEPS + 1)]


def test_a_full_disk_ends_the_run_with_the_last_checkpoint_in_place(tmp_path, monkeypatch, unbroken):
    calls = []
    write = checkpoint.save_file

    def full(state, path):
        calls.append(path)
        if len(calls) == 3:
            Path(path).write_bytes(b"half of it")
            raise OSError(28, "No space left on device")
        write(state, path)

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(TrainError, match=r"No space left on device.*step-00000004 is whole"):
        run(tmp_path)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-00000002", "step-00000004"]
    run(tmp_path)
    assert_same_weights(weights(unbroken), weights(tmp_path))


def test_other_settings_or_data_do_not_resume(tmp_path):
    stopped_run(tmp_path)
    with pytest.raises(TrainError, match=r"lr: 0\.01 then, 0\.5 now"):
        run(tmp_path, lr=0.5)
    with pytest.raises(TrainError, match="data: "):
        train(llama(), stream(seed=1), config(steps=STEPS), tmp_path, say=lambda line: None)


def test_a_run_is_not_overwritten_unasked(tmp_path):
    stopped_run(tmp_path)
    with pytest.raises(TrainError, match="holds checkpoints"):
        train(llama(), stream(), config(steps=STEPS), tmp_path, resume=False)


def test_settings_that_change_no_weight_may_change(tmp_path, unbroken):
    stopped_run(tmp_path)
    run(tmp_path, checkpoint_every=7, keep=1)
    assert_same_weights(weights(unbroken), weights(tmp_path))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Exception("No space (os error 28)")])
def test_a_full_disk_at_the_end_is_a_sentence_and_the_same_command_ends_the_run(tmp_path, unbroken, monkeypatch, error):
    def full(*_, **__):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(type(tokenizer()), "save_pretrained", full)
        with pytest.raises(TrainError, match=r"the model could not be saved .*No space.*make room and run again"):
            run(tmp_path)
    assert not (tmp_path / "model").exists()
    run(tmp_path)
    assert_same_weights(weights(unbroken), weights(tmp_path))
