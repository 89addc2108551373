"""The page of a study: `study.html`, one file that loads nothing, made anew from the study's folder at any time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openflan.files import write_text
from openflan.report.forest import Figure as Forest
from openflan.report.page import page_template
from openflan.report.studies.curves import Curve, curve
from openflan.report.studies.forests import differences, forest, place_of
from openflan.report.studies.grids import Grid, grid
from openflan.report.studies.tables import write_tables
from openflan.report.words import bounds, number
from openflan.study.cells import STUDY, Cell
from openflan.study.drive import PlannedStudy
from openflan.study.results import ALL, Findings, Gap, findings
from openflan.wording import counted

PAGE = "study.html"


@dataclass(frozen=True)
class StudyReport:
    """Where the page and the tables are, and what is said in short."""

    page: Path
    tables: Sequence[Path]
    sentences: Sequence[str]


@dataclass(frozen=True)
class _Drawn:
    """One figure of the page: one of these is there; `names` are the marks of a forest."""

    grid: Grid | None = None
    curve: Curve | None = None
    forest: Forest | None = None
    names: Sequence[str] = ()


def write_study_report(planned: PlannedStudy) -> StudyReport:
    """Write the page and the tables of a study; raises `ResultsError` where nothing has been measured yet."""
    found = findings(planned)
    drawn = _figures(planned, found)
    sentences = told(planned, found)
    grids = [one.grid for one in drawn if one.grid]
    tables = write_tables(planned.folder, found, grids, planned.study.title)
    page = page_template("study.html").render(
        study=planned.study,
        sentences=sentences,
        drawn=drawn,
        contrasts=[
            one for contrast in planned.study.contrasts if (one := differences(planned.study, contrast, found.gaps))
        ],
        cells=[_cell(planned, cell) for cell in planned.cells],
        missing=found.missing,
        notes=found.notes,
        seeds=len(planned.study.used_seeds),
        files={**tables, STUDY: "the study with every key"},
    )
    write_text(planned.folder / PAGE, page)
    return StudyReport(planned.folder / PAGE, [planned.folder / name for name in tables], sentences)


def told(planned: PlannedStudy, found: Findings) -> list[str]:
    """What the contrasts come to, in a sentence each: how many differences are clear, and the largest."""
    sentences = []
    for contrast in planned.study.contrasts:
        some = [
            gap
            for gap in found.gaps
            if gap.level == ALL and (gap.over, gap.begin, gap.end) == (contrast.over, contrast.begin, contrast.end)
        ]
        if some:
            sentences.append(_sentence(planned, contrast.begin, contrast.end, some))
    return sentences


def _sentence(planned: PlannedStudy, begin: str, end: str, gaps: Sequence[Gap]) -> str:
    better = sum(gap.difference.low > 0 for gap in gaps)
    worse = sum(gap.difference.high < 0 for gap in gaps)
    most = max(gaps, key=lambda gap: abs(gap.difference.value))
    place = ", ".join(place_of(planned.study, most, gaps))
    where = f" ({place})" if place else ""
    change = f"{number(most.difference.value, signed=True)} {bounds(most.difference, signed=True)}"
    if len(gaps) == 1:
        clear = "clear" if better or worse else "may be chance"
        return f"“{end}” against “{begin}”: {change}, {clear}."
    return (
        f"“{end}” against “{begin}”: clearly better in {better} of {len(gaps)}, clearly worse in {worse}; the largest "
        f"difference is {change}{where}."
    )


def _figures(planned: PlannedStudy, found: Findings) -> list[_Drawn]:
    drawn: list[_Drawn] = []
    for figure in planned.study.figures:
        match figure.kind:
            case "heat":
                drawn.append(_Drawn(grid=grid(planned.study, figure, found.lines)))
            case "curve":
                drawn.append(_Drawn(curve=curve(planned.study, figure, found.lines)))
            case "forest":
                made = forest(planned.study, figure, found.lines)
                drawn.append(_Drawn(forest=made[0], names=made[1]) if made else _Drawn())
    return [one for one in drawn if one != _Drawn()]


def _cell(planned: PlannedStudy, cell: Cell) -> dict[str, Any]:
    """What the page says of a cell: its state, what it was trained on, and for how long."""
    mixture = _json(planned.store / cell.training / "mixture.json") if cell.training else {}
    trained = _json(planned.store / cell.training / "train.json") if cell.training else {}
    datasets = mixture.get("datasets", [])
    return {
        "name": cell.name,
        "state": planned.status(cell).state,
        "datasets": [share["name"] for share in datasets],
        "told": counted(len(datasets), "dataset") if datasets else "",
        "tokens": trained.get("tokens"),
        "minutes": trained["seconds"] / 60 if "seconds" in trained else None,
        "loss": trained.get("loss"),
        "link": f"cells/{cell.name}/",
    }


def _json(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}
