"""Checks of how templates are written: their white space, their likeness, and how plainly they put the task."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from itertools import combinations

from openflan.tasks.card import Template
from openflan.tasks.lint.finding import CardFile, Finding, said, texts_of
from openflan.tasks.lint.structure import TEMPLATES
from openflan.tasks.lint.vocabulary import FIRST_PERSON, REQUIRED_WORDS, SCENE, TASK_WORDS
from openflan.tasks.text import HOLE, literal_text

SIMILAR = 0.65
"""From this share of words in common (in order) two templates of a dataset count as nearly the same."""

OPENING = 5
"""More than two templates of a dataset must not share this many first words."""

PLAIN, PLAIN_WORDS = 6, 25
"""Of ten templates at least how many must be plain, and the most words that a plain one has besides its values."""

_WORD = re.compile(rf"{HOLE}|[^\W_]+(?:['’][^\W_]+)*")
_QUOTED = re.compile(r"[\"“][^\"”\n]*[\"”]")
_STRAY = re.compile(r"(?P<edge>^[ \t](?=\S)|[ \t]+$)|(?P<blank>(?<=\S)[ \t]{2,}|\t)|(?P<lines>\n{3,})", re.MULTILINE)
_STRAY_WORDS = {"blank": "two blanks or a tab", "edge": "a blank at the edge of a line", "lines": "two empty lines"}
_ESCAPE = re.compile(r"\\.?|&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z]{2,8});|</?(?:br|p|b|i)\s*/?>")


def similarity(first: str, second: str) -> float:
    """How alike two templates are, from 0 to 1: the share of their words in a longest common run of blocks.

    Words are compared without case and punctuation; each `{{ hole }}` is one word, whatever stands in it.
    """
    return SequenceMatcher(None, words(first), words(second), autojunk=False).ratio()


def words(template: str) -> list[str]:
    """The words of a template in lower case; each hole is one word."""
    return _WORD.findall(literal_text(template, f" {HOLE} ", block=" ").lower())


def _writing(file: CardFile) -> Iterator[Finding]:
    for number, template in enumerate(file.card.templates):
        for key, text in texts_of(template).items():
            plain = literal_text(text).strip("\n")
            kinds = dict.fromkeys(str(found.lastgroup) for found in _STRAY.finditer(plain))
            for kind in kinds:
                yield file.finding("FLN008", _STRAY_WORDS[kind], "templates", number, key)
            if found := _ESCAPE.search(plain):
                yield file.finding("FLN009", f"{found.group()!r} would be shown as it is", "templates", number, key)


def _alike(file: CardFile) -> Iterator[Finding]:
    templates = file.card.templates
    for first, second in combinations(range(len(templates)), 2):
        share = similarity(templates[first].input, templates[second].input)
        if share >= SIMILAR:
            message = f"{share:.0%} the same words as template {first} (from {SIMILAR:.0%} on they count as one)"
            yield file.finding("FLN010", message, "templates", second, "input")
    openings: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, template in enumerate(templates):
        openings[tuple(words(template.input)[:OPENING])].append(number)
    for opening, numbers in openings.items():
        if len(numbers) > 2:
            message = f"opens like templates {', '.join(map(str, numbers[:-1]))}: {' '.join(opening)}"
            yield file.finding("FLN011", message, "templates", numbers[-1], "input")


def _plain(file: CardFile) -> Iterator[Finding]:
    """Whether enough templates put the task in few words, its own, without a scene."""
    templates = file.card.templates
    if len(templates) < TEMPLATES:
        return
    named, scenes = [_names_task(file, template) for template in templates], [_scene(one) for one in templates]
    long = [_length(template) > PLAIN_WORDS for template in templates]
    plain = sum(name and not scene and not wordy for name, scene, wordy in zip(named, scenes, long, strict=True))
    if plain < PLAIN:
        why = (
            f"{sum(map(bool, scenes))} play a scene or speak in the first person, {sum(long)} have more than "
            f"{PLAIN_WORDS} words, {named.count(False)} have no usual word of the task"
        )
        yield file.finding("FLN030", f"{plain} plain templates, fewer than {PLAIN}: {why}", "templates")


def _scenes(file: CardFile) -> Iterator[Finding]:
    found = [(number, scene) for number, template in enumerate(file.card.templates) if (scene := _scene(template))]
    for number, scene in found[1:]:
        message = f"plays a scene or speaks in the first person ({scene!r}), like template {found[0][0]}"
        yield file.finding("FLN031", message, "templates", number, "input")


def _task_words(file: CardFile) -> Iterator[Finding]:
    templates, cluster = file.card.templates, file.card.cluster
    if len(templates) < TEMPLATES:
        return
    named = sum(_names_task(file, template) for template in templates)
    if named < PLAIN:
        message = f"{named} templates with a usual word of the task, fewer than {PLAIN}"
        yield file.finding("FLN032", message, "templates")
    if cluster in REQUIRED_WORDS:
        stems, pattern, share = REQUIRED_WORDS[cluster]
        having = sum(any(pattern.search(text) for text in _readings(template)) for template in templates)
        if having < share * len(templates):
            message = f"{having} of {len(templates)} templates have one of the words {', '.join(stems)}"
            yield file.finding("FLN032", f"{message}, fewer than {share:.0%}", "templates")


def _names_task(file: CardFile, template: Template) -> bool:
    """Whether a template has a usual word of its task; a cluster of one's own has words of its own."""
    usual = TASK_WORDS.get(file.card.cluster)
    return usual is None or any(usual.search(text) for text in _readings(template))


def _scene(template: Template) -> str:
    """The first word by which a template plays a scene or speaks in the first person; empty when it does neither."""
    for text in (*_readings(template), *said(template.bare or "")):
        unquoted = _QUOTED.sub(" ", text)
        if found := SCENE.search(unquoted) or FIRST_PERSON.search(unquoted):
            return found.group().strip()
    return ""


def _length(template: Template) -> int:
    """The words of a template besides its values, in the longest of its readings."""
    return max((len(_WORD.findall(text.replace(HOLE, " "))) for text in _readings(template)), default=0)


def _readings(template: Template) -> tuple[str, ...]:
    return said(template.input)


CHECKS: tuple[Callable[[CardFile], Iterator[Finding]], ...] = (_writing, _alike, _plain, _scenes, _task_words)
