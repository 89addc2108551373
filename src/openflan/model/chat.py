"""Chat templates, read once: what one writes around an input and its answer.

The template is run on a conversation with stand-ins, by the tokenizer itself, and taken apart. So every row costs a
join of strings, the answer begins and ends as the template has it (a blank after `[/INST]`, an empty `<think>` block,
`<|im_end|>`), and what is a row's and what the template's is known.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from openflan.confined import OutOfBounds, confined
from openflan.data.encode import Chat
from openflan.errors import ModelError

_TODAY = "2024-07-26"
"""The date in templates that print today's, which would make other data of the same rows every day."""

_INPUT, _ANSWER = "qzXinputXzq", "qzXanswerXzq"
_TRIALS = ("A question?\n\nOPTIONS:\n- yes\n- no", "one line", " edges \n", "{{ x }} <b> & 'quoted' \"é\" 日本")

_OWN = ("template", "system", "today")


def read_chat(tokenizer: Any, options: Mapping[str, Any]) -> Chat:
    """How a tokenizer's chat template joins an input and an answer; `options` are those of `Format.chat`.

    Raises `ModelError` for a template that cannot be run, does not end, or leaves out or rewrites what is said.
    """
    try:
        return Chat(*confined(lambda: _read(tokenizer, options), ModelError))
    except OutOfBounds as error:
        raise ModelError(f"the chat template of {_name(tokenizer)} cannot be used: {error}") from None


def _read(tokenizer: Any, options: Mapping[str, Any]) -> Chat:
    template = _template(tokenizer, options)
    whole = _render(tokenizer, template, options, _INPUT, _ANSWER)
    if whole.count(_INPUT) != 1 or whole.count(_ANSWER) != 1 or whole.index(_INPUT) > whole.index(_ANSWER):
        raise ModelError(f"the chat template of {_name(tokenizer)} does not write out what is said, each turn once")
    before, rest = whole.split(_INPUT)
    between, after = rest.split(_ANSWER)
    kept = Chat(before, between, _turn_end(tokenizer, after))
    for chat in (kept, kept._replace(trims=True)):
        expected = ["".join(piece.text for piece in chat.pieces(text)) + _ANSWER + after for text in _TRIALS]
        if expected == [_render(tokenizer, template, options, text, _ANSWER) for text in _TRIALS]:
            return chat
    raise ModelError(
        f"the chat template of {_name(tokenizer)} writes other things depending on what is said, or rewrites it; "
        "use join: newline or join: eos"
    )


def control_tokens(tokenizer: Any, chat: Chat | None) -> dict[str, int]:
    """The spellings of a tokenizer's control tokens, and of whatever tokens a chat template writes, with their ids."""
    written = f"{chat.before}{chat.between}{chat.end}" if chat else ""
    return {
        token.content: number
        for number, token in tokenizer.added_tokens_decoder.items()
        if token.content.strip() and (token.special or token.content in written)
    }


def _turn_end(tokenizer: Any, after: str) -> str:
    """What a template writes after an answer, up to the token that ends the turn; nothing if it has no such token."""
    spellings = [token.content for token in tokenizer.added_tokens_decoder.values() if token.content.strip()]
    ends = [after.index(spelling) + len(spelling) for spelling in spellings if spelling in after]
    return after[: min(ends)] if ends else ""


def _template(tokenizer: Any, options: Mapping[str, Any]) -> str:
    """The template's text, with the date fixed; raises `ModelError` where it is not clear which is meant."""
    templates, wanted = tokenizer.chat_template, options.get("template")
    if not templates:
        raise ModelError(f"the tokenizer {_name(tokenizer)} has no chat template; use join: newline or join: eos")
    if isinstance(templates, str):
        if wanted not in (None, "default"):
            raise ModelError(f"the tokenizer {_name(tokenizer)} has one chat template without a name, not {wanted!r}")
        return _dated(templates, options)
    name = wanted or "default"
    if name not in templates:
        raise ModelError(
            f"the tokenizer {_name(tokenizer)} has the chat templates {', '.join(sorted(templates))}, and none named "
            f"{name!r}; name one with format.chat: {{template: NAME}}"
        )
    return _dated(templates[name], options)


def _dated(template: str, options: Mapping[str, Any]) -> str:
    """A template in which today is always the same day."""
    if "strftime_now" not in template:
        return template
    today = str(options.get("today") or _TODAY)
    try:
        day = datetime.datetime.fromisoformat(today)
    except ValueError:
        raise ModelError(f"format.chat: today is {today!r}; write a date as {_TODAY}") from None
    forms = sorted(set(re.findall(r"""strftime_now\(\s*["']([^"']*)["']""", template)))
    dates = ", ".join(f"{form!r}: {day.strftime(form)!r}" for form in forms)
    fixed = "{%- macro strftime_now(form) -%}{{ {" + dates + "}[form] }}{%- endmacro %}"
    # An expression, since a line break after a block would be dropped.
    return fixed + "{{ '' }}" + template


def _render(tokenizer: Any, template: str, options: Mapping[str, Any], text: str, answer: str) -> str:
    messages = [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    if system := options.get("system"):
        messages.insert(0, {"role": "system", "content": str(system)})
    arguments = {name: value for name, value in options.items() if name not in _OWN}
    try:
        return str(tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, **arguments))
    except Exception as error:  # a template from outside may raise anything
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(f"the chat template of {_name(tokenizer)} cannot be used: {reason}") from None


def _name(tokenizer: Any) -> str:
    return str(tokenizer.name_or_path or type(tokenizer).__name__)
