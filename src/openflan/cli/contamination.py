"""`openflan contamination`: which of the measured examples stand in a corpus, or in the tuning mixture."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from openflan.cli.recipe import add_recipe_arguments, recipe_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_recipe_arguments(parser)
    parser.add_argument("--tasks", nargs="+", help="presets, clusters or datasets (default: what the recipe measures)")
    parser.add_argument("--source", help="samples, mirror:DIR or hub, or several with commas (default: the recipe's)")
    parser.add_argument(
        "--corpus", nargs="+", default=[], metavar="PATH",
        help="files and folders to look into: .txt, .jsonl, .parquet; .gz and .zst too",
    )  # fmt: skip
    parser.add_argument("--mixture", action="store_true", help="look into what the recipe trains on")
    parser.add_argument(
        "--field", nargs="+", default=[], dest="fields", metavar="NAME",
        help="the fields of the corpus's rows to look into (default: every string)",
    )  # fmt: skip
    parser.add_argument(
        "--results", nargs="+", type=Path, default=[], metavar="DIR",
        help="finished evaluations, whose scores are split into those on clean and on dirty examples",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
    parser.add_argument("--out", type=Path, help="where the findings go (default: runs/contamination-<recipe>)")
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(options: argparse.Namespace) -> None:
    """Look, and print the tables; a scan that was stopped goes on where it was."""
    from openflan.api.contamination import as_data, recipe_contamination
    from openflan.api.evaluation import tasks_to_measure
    from openflan.cli.terminal import escape, out, print_json
    from openflan.errors import RecipeError

    options.changes = [*options.changes, *_changes(options)]
    recipe = recipe_of(options)
    tasks = tasks_to_measure(recipe)
    if not options.corpus and not options.mixture:
        raise RecipeError("nowhere to look: name files or folders with --corpus, or give --mixture")
    folder = options.out or Path("runs") / f"contamination-{recipe.name}"
    found = recipe_contamination(
        recipe,
        tasks,
        options.corpus,
        folder,
        mixture=options.mixture,
        results=options.results,
        fields=options.fields,
        workers=options.workers,
    )
    if options.json:
        print_json([as_data(one) for one in found])
        return
    for one in found:
        out.print(escape(str(one)), soft_wrap=True)
    out.print(f"\nThe matches, and these tables, are in {folder}.")


def _changes(options: argparse.Namespace) -> list[str]:
    """The verb's own options as changes to the recipe; with tasks that are named, those alone are looked for."""
    source = [f"data.source={options.source}"] if options.source else []
    names = f"[{', '.join(map(json.dumps, options.tasks or ()))}]"
    return [*source, *([f"evaluate.tasks={names}", "evaluate.seen=[]"] if options.tasks else [])]
