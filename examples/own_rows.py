"""Make a dataset of rows that are at hand in Python, look at its prompts, and measure a model on it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import openflan as of

ROWS = [
    ("Seven is a prime number.", "true"),
    ("The Danube flows into the North Sea.", "false"),
    ("A spider has eight legs.", "true"),
    ("Ice is heavier than water.", "false"),
]

CARD = """
name: facts
title: Is it true
cluster: misc
licence: CC0
citation: none
access: Written for this example.
sources: [{columns: {claim: string, label: ["true", "false"]}}]
splits: {test: test}
fields: [claim]
options: {"true": "yes", "false": "no"}
answer: "{{ label }}"
metric: accuracy
templates:
  - input: |-
      {{ claim }}

      Is that so?

      {{ options_ }}
"""


def main() -> None:
    """Write card and rows to a folder, and use them from there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct", help="a model folder, or the small model's name")
    parser.add_argument("--rows", type=int, default=4, help="test rows (default: all four)")
    options = parser.parse_args()

    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "facts.yaml").write_text(CARD, encoding="utf-8")
        (folder / "facts").mkdir()
        lines = (json.dumps({"claim": claim, "label": label}) for claim, label in ROWS)
        (folder / "facts" / "test.jsonl").write_text("\n".join(lines), encoding="utf-8")

        mine = {"source": f"mirror:{folder},samples", "cards": [str(folder / "facts.yaml")]}
        print(of.show("facts", **mine))
        mix = of.mixture("nli", hold_out="facts", **mine)
        print(of.evaluate(options.model, mix.held_out, rows=options.rows, settings=["options", "bare"]))


if __name__ == "__main__":
    main()
