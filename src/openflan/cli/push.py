"""`openflan push`: a model or an export, put on the Hugging Face hub."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("folder", type=Path, help="a run folder, a model folder, or what openflan export wrote")
    parser.add_argument("name", metavar="hub:ORG/NAME", help="the repository; made where there is none, and private")
    parser.add_argument("--public", action="store_true", help="a new repository is for everybody to see")
    parser.add_argument("--message", default="", help="what the commit says (default: that this verb made it)")


def run(options: argparse.Namespace) -> None:
    """Push, and print where it is."""
    from openflan.api.push import push
    from openflan.cli.terminal import escape, out, tell

    made = push(options.folder, options.name, public=options.public, message=options.message)
    for remark in made.remarks:
        tell(remark)
    out.print(escape(f"{made.kind} {made.name} at commit {made.commit}: {made.address}"), soft_wrap=True)
    if made.kind == "model":
        out.print(escape(f"Measure it anywhere with: openflan eval hub:{made.name}@{made.commit}"), soft_wrap=True)
