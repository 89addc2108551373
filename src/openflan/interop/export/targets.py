"""The tools that a mixture is written for, by name."""

from __future__ import annotations

from openflan.interop.export.axolotl import AXOLOTL
from openflan.interop.export.llamafactory import LLAMAFACTORY
from openflan.interop.export.open_instruct import OPEN_INSTRUCT
from openflan.interop.export.parquet import PARQUET
from openflan.interop.export.target import Target
from openflan.interop.export.torchtune import TORCHTUNE
from openflan.interop.export.trl import TRL

TRAINERS: dict[str, Target] = {
    target.name: target for target in (TRL, AXOLOTL, LLAMAFACTORY, OPEN_INSTRUCT, TORCHTUNE, PARQUET)
}
