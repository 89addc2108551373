import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from openflan.cli import VERBS, main
from openflan.cli.help import EXAMPLES
from openflan.errors import Stopped


def test_help_and_the_data_half_import_no_torch():
    code = (
        "import sys, openflan.cli as cli\n"
        "for words in (['--help'], ['tasks', '--help'], ['mix', '--help'], ['train', '--help']):\n"
        "    try: cli.main(words)\n"
        "    except SystemExit: pass\n"
        "cli.main(['tasks', 'nli', '--json'])\n"
        "cli.main(['show', 'rte'])\n"
        "cli.main(['mix', '--set', 'data.tasks=[rte]'])\n"
        "import openflan.data.select, openflan.data.mixture, openflan.data.fit\n"
        "import openflan.data.fewshot, openflan.data.pack\n"
        "assert not {'torch', 'transformers', 'datasets'} & set(sys.modules), 'imported'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"openflan {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_of_a_verb_are_commands_that_it_takes(verb, capsys, monkeypatch):
    taken = []
    monkeypatch.setattr(f"openflan.cli.{verb}.run", taken.append)
    for example in EXAMPLES[verb]:
        program, *words = shlex.split(example)
        assert (program, words[0]) == ("openflan", verb)
        assert main(words) == 0
    assert len(taken) == len(EXAMPLES[verb]) >= 2
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    assert all(example in capsys.readouterr().out for example in EXAMPLES[verb][:1])


def test_help_says_defaults_once(capsys):
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "most tokens of an input (default: 1000000)" in printed
    assert printed.count("(default: space") == 1


def test_an_error_of_the_users_is_one_message_and_status_1(capsys):
    assert main(["show", "rtee"]) == 1
    assert (
        capsys.readouterr().err
        == "openflan show: no dataset, cluster or preset is called 'rtee'; did you mean 'rte'?\n"
    )


def test_a_stop_has_its_own_exit_status(monkeypatch, capsys):
    def stop(_):
        raise Stopped("stopped after step 3; the same command goes on from here", 143)

    monkeypatch.setattr("openflan.cli.train.run", stop)
    assert main(["train"]) == 143
    printed = capsys.readouterr()
    assert printed.err == "openflan train: stopped after step 3; the same command goes on from here\n"
    assert printed.out == ""


def test_a_verb_that_needs_torch_says_so_where_there_is_none():
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch': raise ModuleNotFoundError('no torch', name='torch')\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import openflan.cli\n"
        "sys.exit(openflan.cli.main(['estimate', '--shape', 'llama-8b', '--gpu', 'h100']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "openflan estimate: needs torch, which is not installed: pip install torch\n"


@pytest.mark.parametrize(
    "words",
    [
        ["recipes", "--copy", "quickstart", "--out", "FILE/mine.yaml"],
        ["generate", "math_dataset", "FILE", "--rows", "9"],
        ["recipes", "--copy", "quickstart", "--out", "x" * 300],
    ],
)
def test_a_place_that_cannot_be_written_to_is_a_sentence(words, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("no folder")
    assert main([word.replace("FILE", str(file)) for word in words]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"openflan {words[0]}: ") and told.endswith("; name another place\n")
    assert file.read_text() == "no folder"


@pytest.mark.parametrize("words", [["recipes"], ["tasks", "nli"]])
def test_a_full_disk_behind_the_output_is_a_sentence(words):
    command = [sys.executable, "-m", "openflan", *words]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"openflan {words[0]}: No space left on device; make room and run the same again\n"
