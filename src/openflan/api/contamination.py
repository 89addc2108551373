"""How much of what is measured stands in a corpus or in the tuning mixture, for a script or a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openflan.api.data import MixtureView, Names, load_mixture
from openflan.api.evaluation import Evaluation, read_evaluation
from openflan.api.progress import bar
from openflan.api.views import Table
from openflan.contamination.corpus import in_blocks, units_of
from openflan.contamination.index import Index
from openflan.contamination.measured import MeasuredTask, measured_task, texts_of
from openflan.contamination.overlap import Overlap, index_of, overlaps
from openflan.contamination.scan import Scan, fingerprint, scan, scan_blocks
from openflan.contamination.scores import CleanScore, clean_scores
from openflan.data.rows import TaskRows, load_rows
from openflan.data.select import DataConfig
from openflan.data.sources import parse_source
from openflan.errors import MissingRowsError, SchemaError, UnknownNameError
from openflan.files import cache, write_json, write_text
from openflan.recipe import Recipe
from openflan.tasks.registry import Task
from openflan.wording import counted

RESULT, TABLES = "contamination.json", "contamination.md"

_COLUMNS = (
    "dataset", "metric", "N", "score", "examples", "dirty score", "dirty", "clean score", "clean", "clean %",
    "clean against all %",
)  # fmt: skip


@dataclass(frozen=True)
class Contamination:
    """What a corpus holds of the measured datasets, and what that did to scores that were there before."""

    corpus: str
    overlaps: Sequence[Overlap]
    scores: dict[str, list[CleanScore]]
    notes: Sequence[str]

    @property
    def table(self) -> Table:
        """A row per dataset: words of an n-gram, examples, those too short to be found, dirty ones, in which fields."""
        rows = [
            (
                one.name, one.size, len(one.examples), one.short, len(one.dirty),
                round(100 * len(one.dirty) / max(1, len(one.examples)), 1),
                ", ".join(f"{field} {count}" for field, count in one.fields.items()),
            )
            for one in self.overlaps
        ]  # fmt: skip
        columns = ("dataset", "N", "examples", "short", "dirty", "dirty %", "in which fields")
        return Table(f"What {self.corpus} holds", columns, rows, self.notes)

    def score_table(self, name: str) -> Table:
        """The scores of one evaluation on all examples, on dirty and on clean ones, as in GPT-3's appendix C."""
        rows = [
            (
                one.name, one.metric, one.size, _figure(one.all.score), one.all.examples, _figure(one.dirty.score),
                one.dirty.examples, _figure(one.clean.score), one.clean.examples, _figure(one.clean_share, 0),
                _figure(one.difference),
            )
            for one in self.scores[name]
        ]  # fmt: skip
        notes = [
            f"{one.name}: {one.unknown} of the scored examples are not among the rows that were looked for"
            for one in self.scores[name]
            if one.unknown
        ]
        return Table(f"{name}, by what {self.corpus} holds", _COLUMNS, rows, notes)

    @property
    def tables(self) -> list[Table]:
        """All tables."""
        return [self.table, *map(self.score_table, self.scores)]

    def __repr__(self) -> str:
        return "\n\n".join(map(str, self.tables))

    def _repr_html_(self) -> str:
        return "".join(table._repr_html_() for table in self.tables)


def find_contamination(
    tasks: Names | Sequence[str],
    corpus: str | Path | Sequence[str | Path],
    *,
    source: str = "samples",
    results: Sequence[Evaluation | str | Path] = (),
    fields: Sequence[str] = (),
    out: str | Path | None = None,
    workers: int | None = None,
    silent: bool = False,
) -> Contamination:
    """Look for n-grams of the tasks' test rows in a corpus: files and folders of text, JSON lines or Parquet.

    `fields` are those of the corpus's rows to look into (all strings when empty). `results` are evaluations of the same
    tasks; their scores are split into those on clean and on dirty examples. What is done is kept in `out` (a folder of
    the cache when None), and a scan that was stopped goes on from there.

    Raises `UnknownNameError`, `MissingRowsError` when no task has rows, and `CorpusError`.

    >>> _ = open("corpus.txt", "w").write("Nothing that is measured stands here.")
    >>> found = of.find_contamination("rte", "corpus.txt", silent=True)
    >>> [(line["dataset"], line["dirty"]) for line in found.table]
    [('rte', 0)]
    """
    names = (tasks,) if isinstance(tasks, str) else tuple(tasks)
    catalog = DataConfig().catalog()
    chosen = list({one.name: one for name in names for one in catalog.tasks(name)}.values())
    corpora = [corpus] if isinstance(corpus, str | Path) else list(corpus)
    measured, notes = measure_texts(chosen, DataConfig(source=source), silent=silent)
    folder = Path(out) if out else cache() / "contamination" / "-".join([fingerprint(measured[1]), *sorted(fields)])
    found = scan_corpus(measured, corpora, folder, fields=fields, workers=workers, silent=silent)
    return _result(" ".join(map(str, corpora)), measured, found, results, notes, folder)


def recipe_contamination(
    recipe: Recipe,
    tasks: Sequence[Task],
    corpora: Sequence[str | Path],
    out: Path,
    *,
    mixture: bool,
    results: Sequence[Evaluation | str | Path] = (),
    fields: Sequence[str] = (),
    workers: int | None = None,
    silent: bool = False,
) -> list[Contamination]:
    """Look for tasks of a recipe in corpora, and with `mixture` in what it trains on; raises as above."""
    measured, notes = measure_texts(tasks, recipe.data, silent=silent)
    found = []
    if corpora:
        seen = scan_corpus(measured, corpora, out / "corpus", fields=fields, workers=workers, silent=silent)
        found.append(_result(" ".join(map(str, corpora)), measured, seen, results, notes, out / "corpus"))
    if mixture:
        seen = scan_mixture(measured, load_mixture(recipe.data, silent=silent), silent=silent)
        found.append(_result("the tuning mixture", measured, seen, results, notes, out / "mixture"))
    return found


Measured = tuple[list[MeasuredTask], Index]


def measure_texts(tasks: Sequence[Task], data: DataConfig, *, silent: bool) -> tuple[Measured, list[str]]:
    """The test rows of tasks and their index, and a note on each that has none; raises `MissingRowsError` for none."""
    measured: list[MeasuredTask] = []
    notes: list[str] = []
    opened = parse_source(data.source)
    with bar("reading what is measured", len(tasks), silent=silent) as move:
        for number, task in enumerate(tasks):
            try:
                measured.append(measured_task(load_rows(task, "test", opened, carve=data.carve)))
            except (MissingRowsError, SchemaError) as missing:
                notes.append(f"not looked for: {missing}")
            move(number + 1)
    if not measured:
        raise MissingRowsError("none of the tasks has test rows:\n" + "\n".join(notes))
    return (measured, index_of(measured)), notes


def scan_corpus(
    measured: Measured,
    corpora: Sequence[str | Path],
    folder: Path,
    *,
    fields: Sequence[str],
    workers: int | None,
    silent: bool,
) -> Scan:
    """Look through files and folders, with a bar."""
    units = units_of(corpora)
    with bar("looking through the corpus", sum(unit.size for unit in units), silent=silent) as move:

        def show(done: int, total: int) -> None:
            move(done, total, f"looking through the corpus: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB")

        return scan(measured[1], units, folder, fields=fields, workers=workers, on_unit=show)


def scan_mixture(measured: Measured, mixture: MixtureView, *, silent: bool) -> Scan:
    """Look through the raw fields and answers of the rows that a mixture trains on."""
    found = Scan()
    parts = mixture.rows.parts
    with bar("looking through the mixture", len(parts), silent=silent) as move:
        for number, part in enumerate(parts):
            found.add(scan_blocks(measured[1], in_blocks(_texts(part)), f"{part.task.name} train"))
            move(number + 1)
    return found


def _texts(part: TaskRows) -> Iterator[tuple[int, str]]:
    for example in part:
        yield from ((example.row, text) for _, text in texts_of(example))


def _result(
    corpus: str,
    measured: Measured,
    found: Scan,
    results: Sequence[Evaluation | str | Path],
    notes: Sequence[str],
    out: Path,
) -> Contamination:
    seen = overlaps(*measured, found.hits.values())
    evaluations = [one if isinstance(one, Evaluation) else read_evaluation(one) for one in results]
    scores = {one.results.name: clean_scores(one.results, seen) for one in evaluations}
    if evaluations and not any(scores.values()):
        raise UnknownNameError("the evaluations have no dataset in common with what was looked for")
    unread = (
        [f"{counted(len(found.unread), 'row')} could not be read; the first: {found.unread[0]}"] if found.unread else []
    )
    result = Contamination(corpus, seen, scores, [*notes, *unread])
    write_json(out / RESULT, as_data(result))
    write_text(out / TABLES, "\n\n".join(map(markdown, result.tables)) + "\n")
    return result


def as_data(found: Contamination) -> dict[str, Any]:
    """As plain values, for JSON."""
    scores = {
        name: [dict(zip(_COLUMNS, row, strict=True)) for row in found.score_table(name).rows] for name in found.scores
    }
    return {
        "corpus": found.corpus,
        "overlaps": [one.to_dict() for one in found.overlaps],
        "scores": scores,
        "notes": [*found.notes],
    }


def markdown(table: Table) -> str:
    """A table as Markdown."""
    lines = [table.columns, ["---"] * len(table.columns), *table.rows]
    drawn = "\n".join("| " + " | ".join("" if cell is None else str(cell) for cell in line) + " |" for line in lines)
    return "\n\n".join([f"**{table.title}**", drawn, *table.notes])


def _figure(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
