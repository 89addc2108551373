"""What is cheap to know is said first: the recipe, the model's folder, its tokenizer, the join, the rows."""

import subprocess
import sys

import pytest
from tiny_folder import save_tiny_model

from openflan.cli import main


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def without_torch(*arguments):
    """What a verb says, and whether torch, or what reads rows, was imported until then."""
    code = (
        f"import sys, openflan.cli; status = openflan.cli.main({list(arguments)!r})\n"
        "print(status, sorted({'torch', 'transformers', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stderr, done.stdout


@pytest.mark.parametrize("verb", ["train", "run", "prepare", "mix", "estimate"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["flan63"], "did you mean 'flan62'"),
        (["quickstart", "--set", "train.stepss=3"], "did you mean 'steps'"),
    ],
)
def test_a_typo_is_told_before_anything_heavy_is_imported(verb, arguments, said):
    error, out = without_torch(verb, *arguments)
    assert said in error
    assert out == "1 []\n"


@pytest.mark.parametrize("verb", ["train", "run", "prepare"])
def test_a_model_that_is_not_there_is_told_before_rows_are_read(verb):
    changes = ["model.path=/nowhere", "data.source=mirror:/nowhere/either", "evaluate.tasks=sst2"]
    error, out = without_torch(verb, *(word for one in changes for word in ("--set", one)))
    assert "no model folder at /nowhere" in error
    assert out == "1 []\n" or "torch" not in out


@pytest.mark.parametrize("verb", ["train", "run", "prepare"])
def test_rows_that_are_missing_are_told_with_their_reason_before_torch_is_imported(verb, model, tmp_path):
    (tmp_path / "mirror").mkdir()
    settings = [
        f"model.path={model}",
        f"data.source=mirror:{tmp_path / 'mirror'}",
        "data.tasks=[rte, copa]",
        "evaluate.tasks=sst2",
    ]
    changes = [word for one in [*settings, "data.missing=skip"] for word in ("--set", one)]
    error, out = without_torch(verb, *changes)
    assert "the mixture has no dataset with rows:" in error
    assert "- rte: no rows in" in error and "- copa: no rows in" in error
    assert "torch" not in out and "transformers" not in out


def test_rows_that_eval_lacks_are_told_before_torch_is_imported(model, tmp_path):
    (tmp_path / "mirror").mkdir()
    rows = ["--source", f"mirror:{tmp_path / 'mirror'}", "--out", str(tmp_path / "out")]
    error, out = without_torch("eval", str(model), "--tasks", "rte", "copa", *rows)
    assert "nothing can be measured:" in error
    assert "rte: no rows in" in error and "copa: no rows in" in error
    assert "torch" not in out and "transformers" not in out


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "config.json").unlink(), "holds no config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "holds no weights"),
        (lambda folder: [path.unlink() for path in folder.glob("tokenizer*")], "holds no tokenizer.json"),
        (lambda folder: None, "has no chat template"),
    ],
)
@pytest.mark.parametrize("verb", ["train", "run"])
def test_a_model_that_does_not_do_is_told_before_rows_are_read(verb, damage, said, tmp_path, capsys):
    folder = save_tiny_model(tmp_path / "tiny")
    damage(folder)
    changes = [f"model.path={folder}", "data.source=mirror:/nowhere", "format.join=chat", "evaluate.tasks=sst2"]
    out = ["--out", str(tmp_path / "out")]
    assert main([verb, *(word for one in changes for word in ("--set", one)), *out]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_of_many_reasons_some_are_told(model, tmp_path, capsys):
    (tmp_path / "mirror").mkdir()
    settings = [f"model.path={model}", f"data.source=mirror:{tmp_path / 'mirror'}", "data.missing=skip"]
    assert main(["train", *(word for one in settings for word in ("--set", one))]) == 1
    error = capsys.readouterr().err
    assert error.count("\n- ") == 13
    assert "more, which openflan doctor lists" in error


def test_one_dataset_is_one(tmp_path, capsys):
    from openflan.data.sources import SAMPLES

    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "rte").symlink_to(SAMPLES / "rte")
    settings = [f"data.source=mirror:{tmp_path / 'mirror'}", "data.tasks=[rte, copa]"]
    assert main(["mix", *(word for one in settings for word in ("--set", one))]) == 1
    assert "1 dataset has no rows (data.missing: skip leaves it out)" in capsys.readouterr().err
