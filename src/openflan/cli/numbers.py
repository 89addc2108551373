"""Numbers on the command line, each held to its range, so that a wrong one is told before any work."""

from __future__ import annotations

import argparse


def a_count(text: str) -> int:
    """At least one."""
    return _at_least(1, text)


def a_natural(text: str) -> int:
    """None or more."""
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if not least <= number < 2**31:
        raise argparse.ArgumentTypeError(f"{text} is not between {least} and 2,147,483,647")
    return number
