"""Errors that are meant for the person at the terminal.

Every one says what was wrong, where, and what to do; the command line prints the message without a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class OpenflanError(Exception):
    """Base of all errors a user can cause and mend."""


class CardError(OpenflanError):
    """A card file is not what it should be."""


class RecipeError(OpenflanError):
    """A recipe, or a `--set` on the command line, is not what it should be."""


class UnknownNameError(OpenflanError, ValueError):
    """A dataset, cluster, preset, variant or template that does not exist."""


class MissingRowsError(OpenflanError):
    """A source has no rows for a dataset or split."""


class SchemaError(OpenflanError):
    """Rows whose columns or label names differ from the card's."""


class OverlapError(OpenflanError):
    """A mixture would train on what it is evaluated on."""


class ModelError(OpenflanError):
    """A model folder is missing, incomplete or does not fit the work."""


class Stopped(Exception):
    """Work was stopped from outside, and what there was of it is saved: the same command goes on from there.

    `status` is the exit status that says so: 143 after SIGTERM, 130 after Ctrl-C.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def nearest(name: str, valid: Iterable[str]) -> str:
    """A phrase that points from a wrong name to the right ones: `; did you mean 'rte'?`, or all names when few."""
    names = sorted(valid)
    if close := get_close_matches(name, names, n=1, cutoff=0.5):
        return f"; did you mean {close[0]!r}?"
    return f"; valid are: {', '.join(names)}" if names and len(names) <= 24 else ""
