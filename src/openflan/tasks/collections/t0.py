"""T0's mixtures as groups of promptsource's datasets: `t0`, `t0+` and `t0++`, each with all of the one before."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from openflan.errors import CardError
from openflan.yamlfile import read_yaml

MIXTURES = ("t0", "t0+", "t0++")

_FILE = Path(__file__).with_name("t0.yaml")


def mixtures_of(key: str) -> list[str]:
    """The mixtures that train on a dataset of promptsource's, by its key.

    >>> mixtures_of("hellaswag")
    ['t0+', 't0++']
    """
    first = next((number for number, name in enumerate(MIXTURES) if key in _added()[name]), len(MIXTURES))
    return list(MIXTURES[first:])


@cache
def _added() -> dict[str, frozenset[str]]:
    return {name: frozenset(keys) for name, keys in read_yaml(_FILE, CardError)[1].items()}
