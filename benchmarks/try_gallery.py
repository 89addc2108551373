"""Ask a run's models the playground's gallery; prints Markdown tables, as in docs/playground-examples.md.

python -m benchmarks.try_gallery runs/quickstart
"""

from __future__ import annotations

import argparse
from typing import Any

from openflan.api.playground import open_models
from openflan.playground.answers import ranked, written
from openflan.playground.gallery import read_gallery
from openflan.playground.models import PlayModel
from openflan.playground.requests import Generate, Rank


def main() -> None:
    """Print a table per kind, a row per instruction, a column per model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="run folders or model folders, as `openflan playground` takes them")
    parser.add_argument("--tokens", type=int, default=32, help="tokens of an answer, at most")
    options = parser.parse_args()
    models = list(open_models(options.models).models.values())
    for kind in read_gallery()["kinds"]:
        heads = ["asked", *(model.role or model.name for model in models), "right"]
        print(f"## {kind['title']}\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
        for item in kind["items"]:
            for key, answer in (("instruction", "answer"), ("pair", "pair_answer")):
                if item[key]:
                    cells = [_answer(model, item[key], item, options.tokens) for model in models]
                    print(f"| {_gist(item[key])} | {' | '.join(cells)} | {item[answer] or ''} |", flush=True)
        print()


def _answer(model: PlayModel, instruction: str, item: dict[str, Any], tokens: int) -> str:
    """What a model writes, and the first of its rankings with its share."""
    asked = {"model": model.name, "instruction": instruction, "options": item["options"]}
    limit = min(tokens, item["max_tokens"])
    generate = Generate.model_validate({**asked, "max_tokens": limit, "temperature": item["temperature"]})
    [end] = [event for event in written(model, generate) if event["event"] == "end"]
    text = f"“{_cell(end['text'])}{'…' * (end['reason'] == 'length')}”"
    if not item["options"]:
        return text
    found = ranked(model, Rank.model_validate(asked))
    firsts = [f"{name} {_first(found[key])}" for key, name in (("block", "with list"), ("bare", "without"))]
    return f"{text}<br>{'; '.join(firsts)}"


def _first(ranking: dict[str, Any]) -> str:
    [share] = [one["share"] for one in ranking["options"] if one["option"] == ranking["choice"]]
    return f"**{_cell(ranking['choice'])}** {share:.0%}"


def _gist(text: str) -> str:
    flat = _cell(" ".join(text.split()))
    return flat if len(flat) <= 110 else f"{flat[:46].rstrip()} … {flat[-60:].lstrip()}"


def _cell(text: str) -> str:
    return text.replace("\n", " / ").replace("|", "\\|")


if __name__ == "__main__":
    main()
