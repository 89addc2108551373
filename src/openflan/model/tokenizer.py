"""The tokenizer of a model folder, read without transformers: as that library makes it of a plain `tokenizer.json`.

Transformers builds the tokenizers of some families anew, in code. Their folders name the family, and are left to it
where it is installed; without it the file is taken as it stands. Prepared rows say which tokenizer made them, so a
difference between the two is noticed before any training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Tokenizer, processors

from openflan.errors import ModelError
from openflan.model.folder import read_object, tokenizer_folder

_FILE, _SETTINGS, _MAP = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"
_PLAIN = frozenset({"PreTrainedTokenizerFast", "TokenizersBackend"})
"""Classes of tokenizers that are what their file says."""

_NAMED = tuple(f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
_FURTHER = ("extra_special_tokens", "additional_special_tokens")


def read_tokenizer(path: str | Path) -> Any:
    """The tokenizer of a model folder (an adapter's own, else its base's), transformers' or a `FolderTokenizer`.

    Raises `ModelError` where there is none, or where it cannot be read.
    """
    folder = tokenizer_folder(path)
    plain = (folder / _FILE).is_file() and str(_settings(folder).get("tokenizer_class")) in _PLAIN
    if plain or (find_spec("transformers") is None and (folder / _FILE).is_file()):
        return FolderTokenizer(folder)
    try:
        from openflan.model.load import load_tokenizer
    except ModuleNotFoundError as missing:
        raise ModelError(
            f"the tokenizer in {folder} is no tokenizer.json, and needs {missing.name} to be read: pip install "
            f"{missing.name}"
        ) from None
    return load_tokenizer(folder)


class FolderTokenizer:
    """A `tokenizer.json` with the settings beside it; has what of transformers' tokenizers is used here."""

    is_fast = True

    def __init__(self, folder: Path) -> None:
        self.name_or_path = str(folder)
        self._settings = _settings(folder)
        self.chat_template = _chat_template(folder, self._settings)
        try:
            self.backend_tokenizer: Any = Tokenizer.from_file(str(folder / _FILE))
            self._add_tokens()
        except Exception as error:  # the library's bare Exception, and whatever is wrong with the settings
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ModelError(f"the tokenizer in {folder} cannot be read: {reason}") from None

    @cached_property
    def special_tokens_map(self) -> dict[str, str]:
        """The special tokens that have a name: `eos_token`, …"""
        return {name: str(_token(value)) for name, value in self._settings.items() if name in _NAMED and value}

    @property
    def eos_token_id(self) -> int | None:
        """The number of the end-of-sequence token; None without one."""
        name = self.special_tokens_map.get("eos_token")
        number: int | None = None if name is None else self.backend_tokenizer.token_to_id(name)
        return number

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The tokens beside the model's vocabulary, by number."""
        found: dict[int, AddedToken] = self.backend_tokenizer.get_added_tokens_decoder()
        return found

    def apply_chat_template(
        self, messages: Sequence[Mapping[str, str]], *, chat_template: str, tokenize: bool = False, **arguments: Any
    ) -> str:
        """A conversation as a chat template writes it; raises what the template raises."""
        names = {**self.special_tokens_map, "add_generation_prompt": False, "tools": None, "documents": None}
        return str(_compiled(chat_template).render(messages=messages, **{**names, **arguments}))

    def _add_tokens(self) -> None:
        """What transformers adds: tokens that only the settings know, and a frame around texts where there is none."""
        backend = self.backend_tokenizer
        listed = sorted(self._settings.get("added_tokens_decoder", {}).items(), key=lambda entry: int(entry[0]))
        known = {repr(token) for token in self.added_tokens_decoder.values()}
        backend.add_tokens([token for _, value in listed if repr(token := _token(value)) not in known])
        added = {token.content for token in self.added_tokens_decoder.values()}
        backend.add_special_tokens([token for token in map(_token, self._specials()) if token.content not in added])
        if backend.post_processor is None:
            backend.post_processor = processors.TemplateProcessing(single="$A:0", pair="$A:0 $B:1", special_tokens=[])

    def _specials(self) -> Iterator[Any]:
        yield from (self._settings[name] for name in _NAMED if self._settings.get(name))
        further: Any = next((self._settings[name] for name in _FURTHER if self._settings.get(name)), [])
        yield from further.values() if isinstance(further, dict) else further


def _token(value: Any) -> AddedToken:
    """A token as settings write it: its text, or its text with what is special about it."""
    if isinstance(value, str):
        return AddedToken(value, special=True, normalized=False)
    kept = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")
    return AddedToken(**{"special": True, **{name: value[name] for name in kept if name in value}})


def _settings(folder: Path) -> dict[str, Any]:
    settings = read_object(folder / _SETTINGS) if (folder / _SETTINGS).is_file() else {}
    if "added_tokens_decoder" not in settings and (folder / _MAP).is_file():
        settings |= read_object(folder / _MAP)
    return settings


def _chat_template(folder: Path, settings: Mapping[str, Any]) -> str | dict[str, str] | None:
    """The template, or templates by name; files of their own go before the settings."""
    files = {path.stem: path for path in sorted((folder / "additional_chat_templates").glob("*.jinja"))}
    if (folder / "chat_template.jinja").is_file():
        files["default"] = folder / "chat_template.jinja"
    try:
        found: Any = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"the chat templates in {folder} cannot be read ({error}); get the files again") from None
    found = found or settings.get("chat_template")
    if isinstance(found, list):
        found = {one["name"]: one["template"] for one in found}
    template: str | dict[str, str] | None = found
    return template["default"] if isinstance(template, dict) and [*template] == ["default"] else template


@cache
def _compiled(template: str) -> Any:
    """A chat template in the environment that such templates are written for."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    return environment.from_string(template)


class _Generation(Extension):
    """`{% generation %}` marks what the model writes; here that is no more than its content."""

    tags = {"generation"}  # noqa: RUF012 - as the base class has it

    def parse(self, parser: Parser) -> nodes.Node:
        """The content, in a scope of its own."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body).set_lineno(line)


def _to_json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **more: Any) -> str:
    """JSON without the escapes that a web page would need."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **more)


def _raise(message: str) -> None:
    raise TemplateError(message)
