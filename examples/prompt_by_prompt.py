"""Print the prompts that the first model answered wrong and the second right, and count both kinds."""

from __future__ import annotations

import argparse

import openflan as of

KEY = ["dataset", "setting", "writer", "example"]


def main() -> None:
    """Read two evaluation folders and put them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", help="an evaluation folder, such as runs/NAME/eval/untuned")
    parser.add_argument("second", help="another, such as runs/NAME/eval/tuned")
    parser.add_argument("--show", type=int, default=3, help="how many prompts to print (default: 3)")
    options = parser.parse_args()

    first, second = (of.read_evaluation(one).prompts.to_pandas() for one in (options.first, options.second))
    both = first.merge(second, on=KEY, suffixes=("", "_second"))
    both = both[both.choice.notna()]
    was_right, is_right = both.choice == both.target, both.choice_second == both.target
    print(f"{len(both):,} ranked prompts in both")
    print(f"  mended: {(~was_right & is_right).sum():,}   spoilt: {(was_right & ~is_right).sum():,}")

    for one in both[~was_right & is_right].head(options.show).itertuples():
        print(f"\n── {one.dataset}, template {one.writer}, {one.setting}")
        print(one.prompt)
        print(f"first: {one.choice}   second: {one.choice_second}")


if __name__ == "__main__":
    main()
