"""`openflan study`: many runs at once, what they cost, how far they are, and what came of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.cli.executor import add_executor_arguments

if TYPE_CHECKING:
    from openflan.api.studies import PlannedStudy

_USAGE = """
  openflan study                       the studies that come with openflan
  openflan study NAME|FILE             plan one, say what it costs, and do it
  openflan study status DIR            how far it is
  openflan study resume DIR            go on
  openflan study report DIR            its page and tables, made anew from the folder
  openflan study cell DIR/cells/CELL   do one cell's work, from any engine
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _USAGE
    parser.add_argument("words", nargs="*", metavar="WORD", help="a study, or one of the words below")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="changes",
        help="change a key of the study (seeds=[0,1,2]) or of every cell's recipe (train.tokens=8192)",
    )  # fmt: skip
    parser.add_argument("--dial", help="the study's size: small, for a laptop (default), or large, for a GPU")
    parser.add_argument("--out", type=Path, help="the study's folder (default: runs/studies/NAME)")
    parser.add_argument("--store", type=Path, help="where trainings and evaluations lie (default: in the folder)")
    parser.add_argument(
        "--slots", type=int, help="cells at a time on the processor, which share its cores (default: 1)"
    )
    parser.add_argument("--gpus", type=int, help="GPUs for each cell (default: 1 where there are any; 0: none)")
    add_executor_arguments(parser, "who runs the cells: this machine", "gpu")
    parser.add_argument(
        "--dry-run", action="store_true", help="print a command per cell and an sbatch array; do nothing"
    )


def run(options: argparse.Namespace) -> int:
    """Do what the first word says."""
    from openflan.errors import RecipeError

    verbs: dict[str, Callable[[Path, argparse.Namespace], int]] = {
        "status": _status, "resume": _resume, "report": _report, "cell": _cell
    }  # fmt: skip
    match options.words:
        case []:
            return _list()
        case ["unit", cell, place]:
            return _unit(Path(cell), place)
        case [verb, folder] if verb in verbs:
            return verbs[verb](Path(folder), options)
        case [place] if place not in verbs:
            return _begin(place, options)
        case [verb]:
            raise RecipeError(f"`openflan study {verb}` needs a folder")
        case _:
            raise RecipeError(f"`openflan study {' '.join(options.words)}` is nothing that can be done:\n{_USAGE}")


def _list() -> int:
    from openflan.api.studies import load_study, packaged_studies
    from openflan.cli.terminal import out, table

    found = {name: load_study(path) for name, path in packaged_studies().items()}
    rows = [(name, study.paper, study.title) for name, study in found.items()]
    out.print(table("Studies", ["study", "in the paper", "what"], rows, cut=[2]))
    return 0


def _begin(place: str, options: argparse.Namespace) -> int:
    from openflan.api.studies import plan_study
    from openflan.cli.terminal import out

    changes = [*options.changes, *([f"dial={options.dial}"] if options.dial else [])]
    planned = plan_study(place, options.out, changes, store=options.store)
    _print_plan(planned)
    if options.dry_run:
        _print_commands(planned, options.gpus or 1)
        return 0
    out.print(f"Stopped at any moment, it goes on with: openflan study resume {planned.folder}")
    return _go(planned, options)


def _resume(folder: Path, options: argparse.Namespace) -> int:
    from openflan.api.studies import open_study

    return _go(open_study(folder), options)


def _go(planned: PlannedStudy, options: argparse.Namespace) -> int:
    from openflan.api.studies import read_settings, run_study
    from openflan.cli.terminal import tell

    ended = run_study(
        planned,
        slots=options.slots,
        gpus=options.gpus,
        executor=options.executor,
        settings=read_settings(options.settings),
    )
    failed = [name for name, status in ended.items() if status]
    for name in failed:
        cell = planned.folder / "cells" / name
        tell(f"{name} failed: {_error(planned, name) or f'see {cell}/log.txt'}")
    if len(failed) < len(planned.cells):
        _report(planned.folder, options)
    return int(bool(failed))


def _error(planned: PlannedStudy, name: str) -> str:
    return next(planned.status(cell).error for cell in planned.cells if cell.name == name)


def _status(folder: Path, options: argparse.Namespace) -> int:
    from openflan.api.progress import duration
    from openflan.api.studies import open_study, standing
    from openflan.cli.terminal import out, table

    planned = open_study(folder)
    now, rows = standing(planned), []
    for cell in planned.cells:
        status = planned.status(cell)
        state = status.state if status.state != "running" or status.is_alive else "stopped"
        who = f"{status.host}:{status.pid}" if state == "running" else status.error
        done = sum(planned.is_done(unit) for unit in cell.units)
        rows.append((cell.name, state, f"{done} of {len(cell.units)}", who))
    out.print(table(planned.study.title, ["cell", "state", "units done", ""], rows, cut=[3]))
    for place, told in now.running.items():
        out.print(f"{place}: {told}")
    out.print(f"{now.cells_done} of {now.cells} cells are done; about {duration(now.left)} of work are left")
    return 0


def _report(folder: Path, options: argparse.Namespace) -> int:
    from openflan.api.studies import report_study
    from openflan.cli.terminal import escape, out

    report = report_study(folder)
    for sentence in report.sentences:
        out.print(f"- {escape(sentence)}")
    out.print(f"Page: {report.page}; tables: {', '.join(path.name for path in report.tables)}")
    return 0


def _cell(folder: Path, options: argparse.Namespace) -> int:
    from openflan.api.progress import quiet_libraries
    from openflan.api.studies import end_with_parent, work_on_cell
    from openflan.cli.terminal import tell

    end_with_parent()
    quiet_libraries()
    work_on_cell(folder, tell, options.gpus or 1)
    return 0


def _unit(cell: Path, place: str) -> int:
    from openflan.api.progress import quiet_libraries
    from openflan.api.studies import do, read_cell
    from openflan.cli.terminal import tell

    quiet_libraries()
    units, store = read_cell(cell)
    do(next(unit for unit in units if unit.place == place), store, tell)
    return 0


def _print_plan(planned: PlannedStudy) -> None:
    from openflan.api.progress import duration
    from openflan.cli.terminal import out, table
    from openflan.wording import counted

    rows, known = [], {unit.place for unit in planned.units if planned.is_done(unit)}
    for cell in planned.cells:
        new = [unit for unit in cell.units if unit.place not in known]
        known |= {unit.place for unit in new}
        kinds = [sum(unit.kind == kind for unit in new) for kind in ("training", "evaluation")]
        shared = len(cell.units) - len(new)
        rows.append((cell.name, *kinds, shared or "", duration(sum(planned.costs[unit.place] for unit in new))))
    columns = ["cell", "trainings", "evaluations", "shared or done", "forecast"]
    out.print(table(planned.study.title, columns, rows, numbers=[1, 2, 3, 4]))
    left = [unit for unit in planned.units if not planned.is_done(unit)]
    kinds = [sum(unit.kind == kind for unit in left) for kind in ("training", "evaluation")]
    total = sum(planned.costs[unit.place] for unit in left)
    out.print(
        f"{counted(len(planned.cells), 'cell')} in {planned.folder}: {counted(kinds[0], 'training')} and "
        f"{counted(kinds[1], 'evaluation')} to do, about {duration(total)} one after another on this machine"
    )


def _print_commands(planned: PlannedStudy, gpus: int) -> None:
    from openflan.api.studies import ARRAY, sbatch, shell_lines
    from openflan.cli.terminal import out
    from openflan.files import write_text

    folders = [planned.cell(cell).resolve() for cell in planned.cells]
    longest = max(sum(planned.costs[unit.place] for unit in cell.units) for cell in planned.cells)
    script = sbatch(planned.study.name, folders, gpus, longest)
    write_text(planned.folder / ARRAY, script)
    for line in shell_lines(folders, gpus):
        out.print(line, soft_wrap=True, markup=False)
    out.print(f"\n{script}", soft_wrap=True, markup=False)
    out.print(f"The script is in {planned.folder / ARRAY}; afterwards: openflan study report {planned.folder}")
