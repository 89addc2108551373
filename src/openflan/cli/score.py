"""`openflan score`: rank the options of your own prompts."""

from __future__ import annotations

import argparse
import codecs
import json
import sys
from pathlib import Path
from typing import Any

from openflan.cli.numbers import a_count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("model", help="a Hugging Face model folder, or the small model by its name")
    parser.add_argument("file", type=Path, help='JSON lines: {"input": str, "options": [str, …]}')
    parser.add_argument("--join", choices=("eos", "apart", "newline", "space", "chat"), default="space",
                        help="how input and option are joined (default: space, a plain continuation)")  # fmt: skip
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16", "fast"), default="auto", help="precision")
    parser.add_argument("--input-length", type=a_count, default=1_000_000, help="most tokens of an input")
    parser.add_argument("--out", type=Path, help="write the lines here instead of to standard output")


def run(options: argparse.Namespace) -> int:
    """Print each line with `logprobs` (a sum per option, in nats, in order) and `choice`.

    A line that cannot be scored comes back with `error` instead, in its place; exit status 1 then.
    """
    from openflan.api.score import score
    from openflan.files import write_text

    given = read_lines(options.file)
    asked = [line for _, line in given]
    lines = score(options.model, asked, join=options.join, dtype=options.dtype, input_length=options.input_length)
    for line, (number, before) in zip(lines, given, strict=True):
        if "error" in line and "error" not in before:
            line["error"] = f"{options.file}:{number}: {line['error']}"
    encoding = "utf-8" if options.out else sys.stdout.encoding or "utf-8"
    text = "".join(_written(line, encoding) for line in lines)
    if options.out:
        write_text(options.out, text)
    else:
        sys.stdout.write(text)
    faults = [line["error"] for line in lines if "error" in line]
    for fault in faults:
        print(f"openflan score: {fault}", file=sys.stderr)
    return int(bool(faults))


def read_lines(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """The file's lines, each with its number, as objects; a bad line becomes one with `error`."""
    from openflan.errors import OpenflanError

    try:
        # Only a line feed ends a line: texts may hold other separators, such as U+2028.
        texts = path.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n")
    except OSError as error:
        raise OpenflanError(f"{path}: {error.strerror or error}") from None
    return [(number, _parsed(text, f"{path}:{number}")) for number, text in enumerate(texts, 1) if text.strip()]


def _parsed(text: bytes, place: str) -> dict[str, Any]:
    try:
        line = json.loads(text.decode("utf-8"), parse_constant=_refused)
    except UnicodeDecodeError as error:
        return {"error": f"{place}: not UTF-8 at byte {error.start + 1} of the line"}
    except (ValueError, RecursionError) as error:
        return {"error": f"{place}: not JSON: {getattr(error, 'msg', None) or error}"}
    if not isinstance(line, dict):
        return {"error": f"{place}: expected an object with input and options, found {type(line).__name__}"}
    if not isinstance(line.get("input"), str):
        return {**line, "error": f"{place}: input must be a string"}
    options = line.get("options")
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        return {**line, "error": f"{place}: options must be a list of strings"}
    return line


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is not a number that JSON has")


def _written(line: dict[str, Any], encoding: str) -> str:
    """A line as JSON, in ASCII where the encoding lacks a character or programs may take one for the end of a line."""
    text = json.dumps(line, ensure_ascii=False)
    try:
        text.encode(encoding)
        plain = len(text.splitlines()) == 1
    except UnicodeEncodeError:  # Half of a surrogate pair, or a console that knows few characters.
        plain = False
    return (text if plain else json.dumps(line)) + "\n"
