"""The format a model was tuned in, kept in its folder, so that it is asked in the same one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from openflan.data.encode import Format
from openflan.errors import ModelError
from openflan.files import write_json
from openflan.model.folder import read_object

FILE = "openflan.json"


def write_format(folder: Path, format: Format) -> None:
    """Note in a model's folder which format it was tuned in."""
    write_json(folder / FILE, {"format": asdict(format)})


def read_format(folder: Path) -> Format | None:
    """The format that the model in a folder was tuned in; None where nothing says so. Raises `ModelError`."""
    path = folder / FILE
    if not path.is_file():
        return None
    noted = read_object(path).get("format")
    try:
        return TypeAdapter(Format).validate_python(noted)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("format", *first["loc"])))
        raise ModelError(f"{path}: {place}: {first['msg']}") from None
