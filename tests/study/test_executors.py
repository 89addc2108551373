"""The local pool has no more at work than it has slots; scripts say what every cell's command is."""

import os
import shlex
import sys
import time
from pathlib import Path

from executor_waits import ended

from openflan.study.executors import Resources
from openflan.study.executors.local import LocalPool
from openflan.study.executors.script import cell_command, sbatch, shell_lines


def test_statuses_and_output_come_back(tmp_path):
    with LocalPool(1) as pool:
        first = pool.submit([sys.executable, "-c", "print('hello')"], tmp_path / "a", Resources(cores=1))
        second = pool.submit([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "b", Resources(cores=1))
        assert (ended(pool, first, 30), ended(pool, second, 30)) == (0, 3)
    assert (tmp_path / "a" / "log.txt").read_text(encoding="utf-8") == "hello\n"


def test_no_more_run_than_there_are_slots(tmp_path):
    code = "import time, sys; print(time.time()); sys.stdout.flush(); time.sleep(0.4); print(time.time())"
    with LocalPool(2) as pool:
        handles = [pool.submit([sys.executable, "-c", code], tmp_path / str(n), Resources(cores=1)) for n in range(5)]
        for handle in handles:
            assert ended(pool, handle, 30) == 0
    spans = [tuple(map(float, (tmp_path / str(n) / "log.txt").read_text().split())) for n in range(5)]
    assert max(sum(start <= moment < end for start, end in spans) for moment, _ in spans) == 2


def test_each_gets_gpus_of_its_own(tmp_path):
    code = "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES']); time.sleep(0.3)"
    with LocalPool(1, ["4", "5", "7"]) as pool:
        two = pool.submit([sys.executable, "-c", code], tmp_path / "two", Resources(gpus=2))
        one = pool.submit([sys.executable, "-c", code], tmp_path / "one", Resources(gpus=1))
        more = pool.submit([sys.executable, "-c", code], tmp_path / "more", Resources(gpus=2))
        assert [ended(pool, handle, 30) for handle in (two, one, more)] == [0, 0, 0]
    seen = [(tmp_path / name / "log.txt").read_text().strip() for name in ("two", "one", "more")]
    assert seen[:2] == ["4,5", "7"]
    assert len(seen[2].split(",")) == 2


def test_processes_end_with_their_pool(tmp_path):
    code = "import time; time.sleep(60)"
    with LocalPool(1) as pool:
        handle = pool.submit([sys.executable, "-c", code], tmp_path, Resources(cores=1))
    assert handle.process.poll() is not None


def test_a_process_stops_when_its_pool_was_killed(tmp_path):
    code = (
        "import time; from openflan.study.executors.child import end_with_parent; end_with_parent(); "
        "print('up', flush=True); time.sleep(60)"
    )
    pool = LocalPool(1)
    handle = pool.submit([sys.executable, "-c", code], tmp_path, Resources(cores=1))
    while "up" not in (tmp_path / "log.txt").read_text():
        time.sleep(0.05)
    handle.process.stdin.close()  # what the death of the pool's process does
    assert ended(pool, handle, 30) == -15


def test_a_command_per_cell(tmp_path):
    cells = [tmp_path / "cells" / "a b", tmp_path / "cells" / "c"]
    assert [shlex.split(line)[:3] for line in shell_lines(cells)] == [["openflan", "study", "cell"]] * 2
    assert shlex.split(shell_lines(cells)[0])[3] == str(cells[0])
    assert cell_command(cells[1], 4)[-2:] == ["--gpus", "4"]


def test_the_array_has_every_cell_and_goes_on_after_a_stop(tmp_path):
    script = sbatch("matrix", [tmp_path / "a b", tmp_path / "c"], 2, 5000)
    assert "#SBATCH --array=0-1\n" in script
    assert "#SBATCH --time=5:00:00\n" in script
    assert f"  '{tmp_path / 'a b'}'\n  {tmp_path / 'c'}\n" in script
    check = tmp_path / "array.sh"
    check.write_text(script, encoding="utf-8")
    assert os.system(f"bash -n {shlex.quote(str(check))}") == 0


def test_the_array_is_what_it_was(request):
    golden = Path(__file__).parent.parent / "golden" / "array.sbatch"
    script = sbatch("matrix", [Path("/study/cells/nli"), Path("/study/cells/a b")], 4, 5000)
    if request.config.getoption("--update-golden"):
        golden.write_text(script, encoding="utf-8")
    assert script == golden.read_text(encoding="utf-8")
