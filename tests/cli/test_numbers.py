"""Numbers on the command line are held to their ranges before any work."""

import pytest

from openflan.cli import main


@pytest.mark.parametrize(
    "words",
    [
        ["mix", "--examples", "0"],
        ["mix", "--examples", "many"],
        ["show", "rte", "--rows", "-1"],
        ["score", "model", "file", "--input-length", "-1"],
        ["estimate", "--gpus", "0"],
        ["eval", "model", "--rows", "-1"],
        ["eval", "model", "--shots", "-1"],
        ["prepare", "--rows", "0"],
        ["prepare", "--workers", "-1"],
        ["generate", "math_dataset", "mirror", "--rows", "99999999999999999999"],
    ],
)
def test_a_number_out_of_its_range_is_told_as_usage(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {words[-2]}" in said and ("is not between" in said or "is no whole number" in said)
