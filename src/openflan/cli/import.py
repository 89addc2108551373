"""`openflan import`: another collection's tasks as cards of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from openflan.wording import counted

if TYPE_CHECKING:
    from openflan.interop.collect import Imported

_NAMED = 12
"""Names that are printed of many."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("collection", choices=("promptsource", "natural-instructions"), help="whose tasks they are")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of its task files")
    parser.add_argument("--out", type=Path, required=True, metavar="CARDS", help="the folder that the cards go to")
    parser.add_argument("--source", help="rows to try promptsource's templates on: samples, mirror:DIR or hub")


def run(options: argparse.Namespace) -> None:
    """Write the cards and print what is to be known of them."""
    from openflan.api.collections import import_tasks
    from openflan.cli.terminal import escape, out

    found = import_tasks(options.collection, options.folder, options.out, source=options.source)
    for line in _lines(found):
        out.print(escape(line), soft_wrap=True)


def _lines(found: Imported) -> list[str]:
    lines = [f"{found.out}: {counted(found.cards, 'card')} with {counted(found.templates, 'template')}"]
    lines += _named("whose licence is not known, in part or whole", found.without_licence)
    lines += _named("of no known kind, which stands alone", found.without_kind)
    lines += _named("without rows there", tuple(found.without_rows))
    if found.tried:
        put, rest = sum(one.kept for one in found.tried), sum(sum(one.dropped.values()) for one in found.tried)
        lines.append(f"{len(found.tried):,} templates were tried: {put:,} prompts, {rest:,} rows passed over")
    for one in found.tried:
        if one.dropped:
            reason = max(one.dropped, key=lambda name: one.dropped[name])
            lines.append(
                f"  {one.dataset}, {one.template!r}: {one.kept} put, {sum(one.dropped.values())} not: {reason}"
            )
    lines += _named(
        "that no row fills", tuple(f"{one.dataset}, {one.template!r}" for one in found.unfilled), "template"
    )
    return lines


def _named(what: str, names: tuple[str, ...], noun: str = "dataset") -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return [f"{counted(len(names), noun)} {what}: {', '.join(names[:_NAMED])}{more}"]
