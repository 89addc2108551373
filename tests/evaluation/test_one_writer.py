"""An evaluation's folder has one writer; the other is told who, and loses nothing."""

import subprocess
import sys

import pytest

from openflan.evaluation.loop import evaluate
from openflan.evaluation.prompts import EvalConfig, plan_evaluation
from openflan.files import LockedError

HOLD = """
import sys; from pathlib import Path; from openflan.files import locked
with locked(Path(sys.argv[1]), "openflan eval"):
    print("held", flush=True); sys.stdin.read()
"""


def test_a_second_evaluation_into_one_folder_is_refused(tmp_path, rows_at, weather, fake_scorer):
    load, out = rows_at(tmp_path / "rows"), tmp_path / "out"
    first = evaluate(plan_evaluation(EvalConfig(), [weather], load), fake_scorer(), out, identity={"name": "x"})
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    command = [sys.executable, "-c", HOLD, str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=rf"process {holder.pid} on .*openflan eval"):
            evaluate(plan_evaluation(EvalConfig(), [weather], load), fake_scorer(), out, identity={"name": "x"})
        assert {path.name: path.read_bytes() for path in out.iterdir() if path.name != ".lock"} == {
            name: content for name, content in before.items() if name != ".lock"
        }
        holder.stdin.close()
    again = evaluate(plan_evaluation(EvalConfig(), [weather], load), fake_scorer(), out, identity={"name": "x"})
    assert again.table().equals(first.table())
