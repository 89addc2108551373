"""`openflan playground`: a local page on which models answer side by side."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

_TOKEN = "OPENFLAN_TOKEN"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument(
        "models", nargs="+", metavar="RUN|MODEL", help="run folders (the model before and after tuning), model folders"
    )
    parser.add_argument("--source", default="samples", help="rows to choose from: samples, mirror:DIR or hub")
    parser.add_argument("--cards", action="append", default=[], type=Path, help="a card or folder of cards of your own")
    parser.add_argument(
        "--save-cards", type=Path, default=Path("cards"), help="where the workshop saves (default: cards)"
    )
    parser.add_argument(
        "--dtype", choices=("auto", "float32", "bfloat16", "fast"), help="precision (default: the run's)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8765, help="the port (default: 8765; 0: any free one)")
    parser.add_argument(
        "--token",
        default=os.environ.get(_TOKEN),
        help=f"what others must show where --host lets them in (default: ${_TOKEN}, or made up)",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")


def run(options: argparse.Namespace) -> None:
    """Serve until it is stopped."""
    from openflan.api.playground import serve

    serve(
        options.models,
        dtype=options.dtype,
        host=options.host,
        port=options.port,
        token=options.token,
        source=options.source,
        cards=options.cards,
        card_folder=options.save_cards,
        browser=not options.no_browser,
    )
