"""Scores on clean and on dirty examples, from prompts that were scored before (the table of GPT-3's appendix C)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from openflan.contamination.overlap import Overlap
from openflan.evaluation.analysis.blocks import Block, Row, blocks, line_name, unit_of
from openflan.evaluation.analysis.summary import template_scores
from openflan.evaluation.results import Results


@dataclass(frozen=True)
class Part:
    """Some of a dataset's examples: how many there are, and their score as a mean over templates."""

    examples: int
    score: float | None


@dataclass(frozen=True)
class CleanScore:
    """One line of the table: a dataset's scores on all its examples, on the dirty and on the clean ones.

    `unknown` examples were scored, but are not among those that were looked for.
    """

    name: str
    metric: str
    size: int
    all: Part
    dirty: Part
    clean: Part
    unknown: int

    @property
    def clean_share(self) -> float:
        """Clean examples, in per cent."""
        return 100 * self.clean.examples / self.all.examples

    @property
    def difference(self) -> float | None:
        """How far the clean score is from that on all, in per cent of the latter."""
        if self.clean.score is None or not self.all.score:
            return None
        return 100 * (self.clean.score - self.all.score) / self.all.score


def clean_scores(results: Results, overlaps: Iterable[Overlap], setting: str | None = None) -> list[CleanScore]:
    """The lines of the table, for the datasets that were scored in a setting (the first asked in)."""
    by_name = {one.name: one for one in overlaps}
    lines = []
    for name, block in blocks(results, "test", setting).items():
        first = block.rows[0]
        if overlap := by_name.get(line_name(first["dataset"], first["variant"])):
            lines.append(_line(name, block, overlap))
    return lines


def _line(name: str, block: Block, overlap: Overlap) -> CleanScore:
    # What one metric judges together is dirty together.
    dirty = {unit_of(row) for row in block.rows if row["example"] in overlap.dirty}
    parts = [[row for row in block.rows if (unit_of(row) in dirty) is wanted] for wanted in (True, False)]
    unknown = {row["example"] for row in block.rows} - overlap.examples
    return CleanScore(
        name,
        block.metric.primary,
        overlap.size,
        _part(block, block.rows),
        _part(block, parts[0]),
        _part(block, parts[1]),
        len(unknown),
    )


def _part(block: Block, rows: Sequence[Row]) -> Part:
    some = replace(block, rows=rows)
    score = float(template_scores(some)[:, 0].mean()) if rows and some.writers else None
    return Part(len({row["example"] for row in rows}), score)
