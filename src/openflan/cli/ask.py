"""`openflan ask`: ask a model something."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openflan.api.ask import Generate, PlayModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("model", help="a model folder, a run folder (its tuned model), or the small model by its name")
    parser.add_argument("instruction", nargs="?", default="-", help="what to ask (default, and for -: standard input)")
    parser.add_argument("--options", nargs="+", default=[], metavar="OPTION", help="answers to rank")
    parser.add_argument("--bare", action="store_true", help="do not show the options to the model when it writes")
    parser.add_argument("--max-tokens", type=int, default=256, help="where an answer ends (default: 256)")
    parser.add_argument("--temperature", type=float, default=0.0, help="0, the default, takes the likeliest token")
    parser.add_argument("--top-p", type=float, default=1.0, help="keep the likeliest tokens that add up to this")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same answer")
    parser.add_argument("--samples", type=int, default=1, help="how many answers")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16", "fast"), help="precision")
    parser.add_argument("--json", action="store_true", help="print answers and ranking as JSON")


def run(options: argparse.Namespace) -> None:
    """Write the answer as it comes; then the ranking of the options, with and without the list of them."""
    from openflan.api.ask import Generate, checked, open_model

    instruction = sys.stdin.read() if options.instruction == "-" else options.instruction
    asked = checked(
        Generate,
        {
            "model": options.model, "instruction": instruction.strip("\n"), "options": options.options,
            "block": not options.bare, "max_tokens": options.max_tokens, "temperature": options.temperature,
            "top_p": options.top_p, "seed": options.seed, "samples": options.samples,
        },
    )  # fmt: skip
    model = open_model(options.model, dtype=options.dtype)
    answers = _write(model, asked, silent=options.json)
    ranking = _rank(model, asked)
    if options.json:
        from openflan.cli.terminal import print_json

        print_json({"model": model.name, "prompt": asked.text, "answers": answers, **ranking})
    elif ranking:
        _print(ranking)


def _write(model: PlayModel, asked: Generate, *, silent: bool) -> list[dict[str, Any]]:
    """The finished answers, each printed while it is written unless `silent`."""
    from openflan.api.ask import written

    finished: list[dict[str, Any]] = []
    for event in written(model, asked):
        kind = event.pop("event")
        if kind == "end":
            finished.append(event)
        if not silent:
            print(event["text"] if kind == "text" else "\n", end="", flush=True)
    return finished


def _rank(model: PlayModel, asked: Generate) -> dict[str, Any]:
    """The ranking, where there are options."""
    from openflan.api.ask import Rank, ranked

    if not asked.options:
        return {}
    rank = Rank(model=asked.model, instruction=asked.instruction, options=asked.options)
    return {key: value for key, value in ranked(model, rank).items() if key != "model"}


def _print(ranking: dict[str, Any]) -> None:
    from openflan.cli.terminal import out, table

    titles = {"block": "With the list of options", "bare": "Without it"}
    for key, found in ranking.items():
        rows = [
            [
                "▶" if one["option"] == found["choice"] else "", one["option"], f"{one['share']:.1%}",
                f"{one['logprob']:.2f}", f"{one['per_token']:.2f}", one["tokens"],
            ]
            for one in found["options"]
        ]  # fmt: skip
        columns = ["", "option", "share", "log-probability", "per token", "tokens"]
        out.print()
        out.print(table(titles[key], columns, rows, numbers=(2, 3, 4, 5), cut=(1,)))
