"""The command line: one module per verb, each imported only when it is used."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from openflan import __version__
from openflan.errors import OpenflanError, Stopped

VERBS: dict[str, str] = {
    "quickstart": "tune a small model on a FLAN mixture and measure it, end to end",
    "run": "run a recipe: measure, tune, measure again, report",
    "recipes": "list the recipes that come with openflan, print or copy one",
    "tasks": "list the catalog: clusters, datasets, options, metrics, templates",
    "show": "print a dataset's prompts on real rows as the model sees them",
    "lint": "check cards and templates",
    "doctor": "check every card against a source of rows",
    "generate": "make rows of a dataset that no open copy has",
    "import": "write another collection's tasks as cards",
    "licences": "list the licences a mixture rests on",
    "mix": "print the table of a mixture: rows, rates, expected draws",
    "prepare": "tokenize and pack a mixture to disk",
    "export": "write a mixture, or what is measured, for another tool",
    "push": "put a model, or an export, on the Hugging Face hub",
    "estimate": "say whether a run fits and how long it takes",
    "train": "finetune a model on a mixture",
    "eval": "measure a model on held-out tasks",
    "score": "rank the options of your own prompts",
    "ask": "ask a model something",
    "playground": "open a page on which models answer side by side",
    "contamination": "find what a corpus, or the mixture, holds of the measured examples",
    "compare": "compare evaluated models, prompt by prompt",
    "study": "run many trainings and evaluations side by side: the paper's experiments, or your own",
    "report": "write the HTML page of a run",
}

_MODEL_HALF = {"torch", "transformers", "safetensors"}
"""Packages that the data half does without."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; returns the exit status.

    0, 1 for a finding or an error of the user's, 2 for bad usage, 130 and 143 when stopped by Ctrl-C or SIGTERM.
    """
    parser = argparse.ArgumentParser(
        prog="openflan", description="Instruction tuning and held-out evaluation after FLAN (2021)."
    )
    parser.add_argument("--version", action="version", version=f"openflan {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in given if word in VERBS), None)
    for verb, summary in VERBS.items():
        sub = verbs.add_parser(verb, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if verb == chosen:
            importlib.import_module(f"openflan.cli.{verb}").add_arguments(sub)
            importlib.import_module("openflan.cli.help").add_examples(verb, sub)
    _print_whatever_the_console_can()
    options = parser.parse_args(given)
    try:
        status = int(importlib.import_module(f"openflan.cli.{options.verb}").run(options) or 0)
        sys.stdout.flush()
        return status
    except OpenflanError as error:
        if options.debug:
            raise
        print(f"openflan {options.verb}: {error}", file=sys.stderr)
        return 1
    except Stopped as stop:
        print(f"openflan {options.verb}: {stop}", file=sys.stderr)
        return stop.status
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if options.debug or package not in _MODEL_HALF:
            raise
        print(
            f"openflan {options.verb}: needs {package}, which is not installed: pip install {package}", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has gone; Python would complain once more when it flushes at exit.
        _drop_output()
        return 0
    except OSError as error:
        from openflan.files import DISK, PLACE

        if options.debug or error.errno not in DISK | PLACE:
            raise
        advice = "name another place" if error.errno in PLACE else "make room and run the same again"
        if error.errno in DISK:
            _drop_output()
        place = f"{error.filename}: " if error.filename else ""
        print(f"openflan {options.verb}: {place}{error.strerror}; {advice}", file=sys.stderr)
        return 1


def _drop_output() -> None:
    """What could not be printed is not tried once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_whatever_the_console_can() -> None:
    """A console that lacks a character shows a question mark in its place, rather than ending the work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
