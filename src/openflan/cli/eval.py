"""`openflan eval`: measure any Hugging Face model on held-out tasks."""

from __future__ import annotations

import argparse
from pathlib import Path

from openflan.cli.numbers import a_count, a_natural
from openflan.cli.recipe import add_recipe_arguments, recipe_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    from openflan.api.baselines import MODEL_BASELINES

    parser.add_argument(
        "model",
        help="a Hugging Face model folder, a run folder, the small model by its name, hub:ORG/NAME, or a model "
        "elsewhere: server:http://HOST:PORT/v1#MODEL, vllm:FOLDER, llamacpp:FILE.gguf",
    )
    add_recipe_arguments(parser)
    parser.add_argument("--tasks", nargs="+", help="presets, clusters or datasets (default: what the recipe holds out)")
    parser.add_argument("--source", help="samples, mirror:DIR or hub, or several with commas (default: the recipe's)")
    parser.add_argument(
        "--join", choices=("eos", "apart", "newline", "space", "chat"),
        help="how input and target are joined (default: as the model was tuned, else the recipe's)",
    )  # fmt: skip
    parser.add_argument(
        "--as", dest="baseline", choices=MODEL_BASELINES, help="as one of the paper's untuned baselines"
    )
    lines = "reference lines: majority, random, or a column of the paper's tables (flan_zero_avg, …)"
    parser.add_argument("--against", nargs="+", default=[], metavar="LINE", help=lines)
    parser.add_argument("--settings", nargs="+", help="how prompts are put: options, bare, baseline, plain, name")
    parser.add_argument("--shots", type=a_natural, help="exemplars before each query, in every setting")
    parser.add_argument("--rows", type=a_count, help="most test rows per dataset")
    parser.add_argument("--tokenizer", metavar="FOLDER", help="a model folder with the tokenizer of a model elsewhere")
    parser.add_argument("--at-once", type=a_count, help="requests that a server gets at a time (default: 8)")
    parser.add_argument("--name", help="what the model is called in tables (default: its folder's name)")
    parser.add_argument("--out", type=Path, help="where the scores go (default: runs/eval-<name>)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(options: argparse.Namespace) -> int:
    """Evaluate; what is scored already is not scored again. Exit status 1 when a prompt could not be scored."""
    from openflan.api.elsewhere import elsewhere, evaluate_elsewhere, tokenizer_folder
    from openflan.api.evaluation import (
        as_baseline,
        check_reference_lines,
        evaluate_recipe,
        in_its_format,
        reference_lines,
        tasks_to_measure,
        tuned_model,
    )
    from openflan.api.progress import fetch_model
    from openflan.cli.terminal import out, print_json, tell
    from openflan.errors import ModelError

    options.changes = [*options.changes, *_changes(options)]
    recipe = as_baseline(recipe_of(options), options.baseline, options.shots)
    tasks_to_measure(recipe)  # the cheap checks come before the model is fetched
    lines = check_reference_lines(options.against)
    away = elsewhere(options.model)
    if away is None and (options.tokenizer or options.at_once):
        raise ModelError(f"{options.model} has its own tokenizer; --tokenizer and --at-once are for models elsewhere")
    model = tokenizer_folder(away, options.tokenizer) if away else tuned_model(fetch_model(options.model))
    if not _says_format(options):
        recipe, told = in_its_format(recipe, model)
        if told:
            tell(f"{told}; --join says otherwise")
    done = (
        evaluate_elsewhere(recipe, away, model, out=options.out, name=options.name, at_once=options.at_once, say=tell)
        if away
        else evaluate_recipe(recipe, model, out=options.out, name=options.name)
    )
    if options.json:
        print_json(done.to_dict())
    else:
        out.print(*done.tables(reference_lines(lines, recipe, done)), sep="\n")
        out.print(f"Every scored prompt: {done.results.path}")
    return int(not done.is_whole)


def _says_format(options: argparse.Namespace) -> bool:
    """Whether the person at the terminal chose how input and target are joined."""
    chosen = ("format.join", "format.chat")
    return bool(options.join or options.baseline) or any(change.startswith(chosen) for change in options.changes)


def _changes(options: argparse.Namespace) -> list[str]:
    """The verb's own options as changes to the recipe."""
    from openflan.api.baselines import MODEL_BASELINES

    baseline = MODEL_BASELINES.get(options.baseline)
    given = {
        "evaluate.tasks": options.tasks and " ".join(options.tasks),
        "evaluate.seen": "[]" if options.tasks else None,
        "data.source": options.source,
        "format.join": options.join or (baseline and baseline.join),
        "evaluate.settings": options.settings and " ".join(options.settings),
        "evaluate.rows": options.rows,
    }
    return [f"{key}={value}" for key, value in given.items() if value is not None]
