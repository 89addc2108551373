import subprocess
import sys

import pytest

from openflan.cli import VERBS, main


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


def test_an_error_of_the_users_is_one_message_and_status_1(capsys):
    assert main(["show", "rtee"]) == 1
    assert (
        capsys.readouterr().err
        == "openflan show: no dataset, cluster or preset is called 'rtee'; did you mean 'rte'?\n"
    )
