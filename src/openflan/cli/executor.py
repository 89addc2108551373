"""The options of verbs whose work an executor may spread: who does it, and its settings."""

from __future__ import annotations

import argparse


def add_executor_arguments(parser: argparse.ArgumentParser, who: str, partition: str) -> None:
    """`--executor` and `--with`; `who` says who does what in the verb, `partition` is Slurm's in the example."""
    parser.add_argument(
        "--executor", choices=("local", "slurm", "ray"), default="local",
        help=f"{who}, Slurm through submitit, or Ray (default: local)",
    )  # fmt: skip
    parser.add_argument(
        "--with", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help=f"a setting of the executor: submitit's parameters (slurm_partition={partition}), or those of ray.init",
    )  # fmt: skip
