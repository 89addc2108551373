"""A study's work: shared, resumed after kills with the very same outcome, and safe to be done by several at once."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_study import do_all, planned_in

from openflan.errors import OpenflanError
from openflan.evaluation.results import read_results
from openflan.study.claims import read_status
from openflan.study.drive import drive, open_study, standing
from openflan.study.executors import Resources
from openflan.study.executors.local import LocalPool
from openflan.study.results import findings
from openflan.study.work import work_on_cell

SUPPORT = Path(__file__).parent.parent / "support"


def outcome(planned):
    weights = {
        path.parent.parent.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in planned.store.glob("trainings/*/model/model.safetensors")
    }
    answers = {path.parent.name: read_results(path.parent).table().to_pylist()
               for path in planned.store.glob("evaluations/*/prompts.parquet")}  # fmt: skip
    return weights, answers


def test_six_cells_take_six_trainings_and_seven_evaluations(done_study):
    weights, answers = outcome(done_study)
    assert (len(weights), len(set(weights.values())), len(answers)) == (6, 6, 7)
    assert all(read_status(done_study.cell(cell)).state == "done" for cell in done_study.cells)


def test_a_cell_is_a_run_folder(done_study):
    folder = done_study.cell(done_study.cells[0])
    assert (folder / "model" / "config.json").is_file()
    assert json.loads((folder / "mixture.json").read_text(encoding="utf-8"))["datasets"][0]["name"] == "cola"
    assert {path.name for path in (folder / "eval").iterdir()} == {"untuned", "tuned"}


def test_killed_ten_times_it_comes_to_the_same(done_study, study_file, tmp_path):
    planned = planned_in(tmp_path / "six", study_file)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(SUPPORT), *sys.path])}
    command = [sys.executable, str(SUPPORT / "small_study.py"), str(planned.folder), "10"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert outcome(planned) == outcome(done_study)
    assert findings(planned) == findings(done_study)


def test_what_is_done_is_not_done_again(done_study):
    claims = sorted(done_study.folder.glob("*/*/claim-*"))
    assert [cell for cell in done_study.cells if not done_study.is_finished(cell)] == []
    with LocalPool(1) as pool:
        assert drive(done_study, pool, Resources(cores=1), lambda now: None) == {}
    assert sorted(done_study.folder.glob("*/*/claim-*")) == claims


def test_a_folder_is_all_it_takes_to_go_on(done_study):
    again = open_study(done_study.folder)
    assert [cell.name for cell in again.cells] == [cell.name for cell in done_study.cells]
    now = standing(again)
    assert (now.cells_done, now.cells, now.left) == (6, 6, 0.0)


def test_a_lost_evaluation_is_made_again_and_nothing_else(study_file, done_study, tmp_path):
    shutil.copytree(done_study.folder, tmp_path / "copy", symlinks=True)
    planned = open_study(tmp_path / "copy")
    lost = planned.cells[0].evaluations["tuned"]
    (planned.store / lost / "prompts.parquet").unlink()
    (planned.store / lost / "scores.jsonl").unlink()
    models = {path: path.stat().st_mtime_ns for path in planned.store.glob("trainings/*/model/*.safetensors")}
    do_all(planned.folder)
    assert outcome(planned) == outcome(done_study)
    assert {path: path.stat().st_mtime_ns for path in models} == models


def test_a_failed_cell_says_why_and_does_not_stop_the_others(study_file, tmp_path):
    changes = ['axes.templates={values: {"1": {}, none: {data: {source: "mirror:/nowhere"}}}}']
    planned = planned_in(tmp_path / "six", study_file, *changes)
    cells = {cell.at["templates"]: cell for cell in planned.cells if cell.at["trained"] == "bare"}
    with pytest.raises(OpenflanError):
        work_on_cell(planned.cell(cells["none"]), lambda line: None)
    assert "nowhere" in planned.status(cells["none"]).error
    work_on_cell(planned.cell(cells["1"]), lambda line: None)
    assert planned.status(cells["1"]).state == "done"
