"""Scores on clean and on dirty examples, from prompts that were scored before (the table of GPT-3's appendix C)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from openflan.contamination.overlap import Overlap
from openflan.evaluation.analysis.blocks import Block, blocks
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
        if overlap := by_name.get(name.partition("/")[0]):
            lines.append(_line(name, block, overlap))
    return lines


def _line(name: str, block: Block, overlap: Overlap) -> CleanScore:
    # What one metric judges together is dirty together.
    answers = block.answers
    dirty = answers.units.filter(pc.is_in(answers.column("example"), _texts(overlap.dirty)).combine_chunks())
    is_dirty = pc.is_in(answers.units, dirty.unique()).to_numpy(zero_copy_only=False)
    unknown = set(answers.column("example").unique().to_pylist()) - overlap.examples
    return CleanScore(
        name,
        block.metric.primary,
        overlap.size,
        _part(block),
        _part(block.only(np.flatnonzero(is_dirty))),
        _part(block.only(np.flatnonzero(~is_dirty))),
        len(unknown),
    )


def _texts(some: Iterable[str]) -> pa.Array:
    return pa.array(sorted(some), pa.string())


def _part(block: Block) -> Part:
    score = float(template_scores(block)[:, 0].mean()) if block.writers else None
    return Part(block.answers.examples(), score)
