"""What a folder's configuration asks for is held against its files before anything is allocated."""

import json
import shutil
import time

import pytest
from tiny_folder import save_tiny_model

from openflan.errors import ModelError
from openflan.model.load import load_config, load_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def changed(folder, place, **changes):
    shutil.copytree(folder, place)
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**config, **changes}))
    return place


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_hidden_layers": 10**9}, r"config\.json: num_hidden_layers is 1e\+09, which no model has"),
        ({"hidden_size": 10**15}, r"config\.json: hidden_size is 1e\+15, which no model has"),
        ({"rope_scaling": {"factor": [2, 10**30]}}, r"rope_scaling\.factor is 1e\+30"),
    ],
)
def test_a_number_that_no_model_has_is_refused_before_any_library_reads_it(folder, tmp_path, changes, said):
    with pytest.raises(ModelError, match=said):
        load_config(changed(folder, tmp_path / "model", **changes))


@pytest.mark.parametrize(
    "changes", [{"hidden_size": 10**7, "head_dim": 8}, {"intermediate_size": 10**9}, {"vocab_size": 10**10}]
)
def test_a_configuration_far_larger_than_its_weights_is_refused_before_allocation(folder, tmp_path, changes):
    place = changed(folder, tmp_path / "model", **changes)
    began = time.process_time()
    with pytest.raises(ModelError, match=r"asks for \d\S+ weights, and the files beside it hold"):
        load_model(place)
    assert time.process_time() - began < 10


def test_a_model_that_fits_its_files_loads(folder):
    assert load_model(folder).config.hidden_size == 32
