"""What a console, or an installation, lacks is told or replaced, never traced."""

import os
import subprocess
import sys

import pytest


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "openflan", *arguments],
        env={**os.environ, **environment}, capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_a_console_of_few_letters_shows_what_it_can(encoding):
    done = run("show", "wmt16_ruen", "--template", "0", PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert b"?" in done.stdout
    assert b"Traceback" not in done.stderr
