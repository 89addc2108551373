"""The tools that a mixture is written for, by name."""

from __future__ import annotations

from openflan.interop.export.parquet import PARQUET
from openflan.interop.export.target import Target
from openflan.interop.export.trl import TRL

TRAINERS: dict[str, Target] = {target.name: target for target in (TRL, PARQUET)}
