"""Prepare functions for pairs of sentences: natural language inference and paraphrase."""

from __future__ import annotations

from openflan.tasks.prepare import Row


def plain_questions(row: Row) -> Row:
    """QQP's `question1` and `question2` as they were asked, with runs of white space reduced to one space.

    The release of QQP is a tab-separated file whose cells were quoted the way CSV does it, and every copy read it
    without undoing that: a question that holds a quotation mark stands in quotation marks itself and has its own ones
    doubled. FLAN replaces the doubled marks by an apostrophe and leaves the outer ones.
    """
    return {name: " ".join(_unquoted(row[name]).split()) for name in ("question1", "question2")}


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    inner = cell[1:-1]
    is_quoted = len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if is_quoted else cell
