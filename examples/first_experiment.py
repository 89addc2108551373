"""Tune a small model on everything but sentiment, and measure it on sentiment before and after."""

from __future__ import annotations

import argparse

import openflan as of

MODEL = "smollm2-135m-instruct"  # or the folder of any causal model


def main() -> None:
    """Run the experiment; what is finished is not done again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=65_536, help="length of the training run (default: 65,536)")
    parser.add_argument("--rows", type=int, default=64, help="test rows per dataset (default: 64)")
    parser.add_argument("--out", default="runs/first-experiment", help="where everything goes")
    options = parser.parse_args()

    print(of.show("copa", template=3))
    mix = of.mixture("flan62", hold_out="sentiment", source="samples")
    print(mix.table)
    print(mix.pack(MODEL, row_length=512, examples=128))

    how = {"rows": options.rows, "settings": ["bare", "options"]}
    before = of.evaluate(MODEL, mix.held_out, out=f"{options.out}/before", **how)
    run = of.train(MODEL, mix, tokens=options.tokens, adapter=of.Lora(rank=16), out=options.out)
    after = of.evaluate(run.model, mix.held_out, out=f"{options.out}/after", **how)

    for setting in after.settings:
        print(of.compare(before, after, setting=setting))


if __name__ == "__main__":
    main()
