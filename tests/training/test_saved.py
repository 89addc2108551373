"""A run's model is asked as long as it is the one that the run saved."""

import pytest

from openflan.errors import ModelError
from openflan.sums import sums_of, write_sealed
from openflan.training.saved import expect_as_saved


@pytest.fixture
def run(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "model.safetensors"):
        (model / name).write_bytes(name.encode() * 9)
    write_sealed(tmp_path / "train.json", {"step": 3, "files": sums_of(model)})
    return tmp_path


def test_a_model_as_it_was_saved_may_be_asked(run):
    (run / "model" / "README.md").write_text("added to later")
    expect_as_saved(run)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("harm", ["flipped", "cut", "gone"])
def test_a_damaged_file_is_named_with_what_to_do(run, name, harm):
    path, content = run / "model" / name, bytearray((run / "model" / name).read_bytes())
    content[5] ^= 1
    path.write_bytes(content[: len(content) - 2 * (harm == "cut")])
    if harm == "gone":
        path.unlink()
    with pytest.raises(ModelError, match=rf"model/{name}.*start the run again.*its own folder, .*model"):
        expect_as_saved(run)


def test_a_damaged_record_is_named(run):
    (run / "train.json").write_text('{"files": {}}')
    with pytest.raises(ModelError, match=r"train\.json is not what was written, so its model cannot be checked"):
        expect_as_saved(run)


def test_a_folder_without_a_record_is_taken_as_it_is(run):
    (run / "train.json").unlink()
    (run / "model" / "config.json").write_text("other")
    expect_as_saved(run)
