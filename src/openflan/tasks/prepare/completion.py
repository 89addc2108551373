"""Texts to be completed (HellaSwag, PIQA, Winogrande, WSC273, WSC) and reviews to be judged (Sent140, Yelp).

The first kind turns a sentence with a blank or a pronoun into a beginning and two endings, each an entity and the rest
of the sentence; the second undoes the escapes that web text picked up on its way into a file.
"""

from __future__ import annotations

import html
import re

from openflan.tasks.prepare import Row, SkipRow

_TAG = re.compile(r"\s*\[(header|title|step|substeps)\]\s*")
_LAST_SENTENCE = re.compile(r"([.!?]\s+)([a-z])(?=[^.!?]*$)")
_SPACE_BEFORE_MARK = re.compile(r"\s+([,.;:!?)]|['’]s\b)")
_DETERMINERS = frozenset({"a", "an", "the", "my", "your", "his", "her", "its", "our", "their", "this", "that"})
_POSSESSIVES = frozenset({"his", "her", "its"})
_ESCAPED_QUOTE = re.compile(r'\\ ?""')
_ESCAPED_LETTER = re.compile(r"\\u([0-9a-fA-F]{4})")


def hellaswag(row: Row) -> Row:
    """HellaSwag: `context` and `ending0` to `ending3` without the tags of the WikiHow pages.

    In the context `[header]` goes and every other tag starts a new line. The captions' last, unfinished sentence is
    in lower case in the rows; here it begins with a capital.
    """
    context = _TAG.sub(lambda tag: "" if tag[1] == "header" else "\n", row["ctx"]).strip()
    if "[header]" not in row["ctx"]:
        context = _LAST_SENTENCE.sub(lambda start: start[1] + start[2].upper(), context)
    endings = [_one_line(_TAG.sub(" ", ending)) for ending in row["endings"]]
    if len(endings) != 4:
        raise SkipRow("not four endings")
    return {"context": context} | {f"ending{number}": ending for number, ending in enumerate(endings)}


def piqa(row: Row) -> Row:
    """PIQA: `aim`, `first` and `second` on one line each, since recipes come with runs of spaces for line breaks.

    An aim that is the first half of a sentence ("To soften clay,") loses its comma.
    """
    return {
        "aim": _one_line(row["goal"]).rstrip(" ,;"),
        "first": _one_line(row["sol1"]),
        "second": _one_line(row["sol2"]),
    }


def winogrande(row: Row) -> Row:
    """Winogrande: `start`, the text up to the blank, and `first` and `second`, each entity with the rest after it."""
    start, blank, rest = row["sentence"].partition("_")
    if not blank or "_" in rest:
        raise SkipRow("not one blank")
    if not start.strip():
        raise SkipRow("nothing before the blank")
    return {
        "start": _tidy(start),
        "first": _tidy(f"{row['option1']} {rest}"),
        "second": _tidy(f"{row['option2']} {rest}"),
    }


def wsc273(row: Row) -> Row:
    """WSC273: `start`, the text up to the pronoun, and `first` and `second`, each entity with the rest after it.

    An entity begins with a capital where the pronoun does; elsewhere its article is in lower case. For a possessive
    pronoun the entity takes an 's ("his" and "her" are possessive in all rows).
    """
    position, pronoun = row["pronoun_loc"], row["pronoun"]
    start, rest = row["text"][:position], row["text"][position + len(pronoun) :]
    if row["text"][position : position + len(pronoun)] != pronoun:
        raise SkipRow("the pronoun is not where it should be")
    if not start.strip():
        raise SkipRow("nothing before the pronoun")
    if len(row["options"]) != 2:
        raise SkipRow("not two options")
    first, second = (_tidy(f"{_in_place_of(pronoun, entity)} {rest}") for entity in row["options"])
    return {"start": _tidy(start), "first": first, "second": second}


def wsc(row: Row) -> Row:
    """WSC: `passage` with its spacing put right, and `marked`, the same with the pronoun in question in asterisks.

    The rows give the pronoun's place as a count of words; where the copy miscounts, the nearest same word is taken.
    """
    words, pronoun = row["text"].split(), row["span2_text"]
    places = [place for place, word in enumerate(words) if word.strip(".,;:!?\"'").lower() == pronoun.lower()]
    if not places:
        raise SkipRow("the pronoun is not in the text")
    place = min(places, key=lambda place: abs(place - row["span2_index"]))
    starred = re.sub(rf"\b{re.escape(pronoun)}\b", r"*\g<0>*", words[place], count=1, flags=re.IGNORECASE)
    return {"passage": _tidy(row["text"]), "marked": _tidy(" ".join([*words[:place], starred, *words[place + 1 :]]))}


def tweet(row: Row) -> Row:
    """Sent140: `post`, the tweet on one line with its HTML entities undone."""
    return {"post": _one_line(html.unescape(row["text"]))}


def yelp_review(row: Row) -> Row:
    """Yelp: `review` without the escapes of the original CSV file, on one line.

    A backslash with two double quotes is a quotation mark, a backslash with n a line break (a space here, as in the
    release). Some copies keep more: the quotation marks around the whole field, and escaped letters.
    """
    text = row["text"].strip()
    inner = text[1:-1]
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in _ESCAPED_QUOTE.sub("", inner):
        text = inner
    text = _ESCAPED_QUOTE.sub('"', text).replace("\\n", " ")
    return {"review": _one_line(_ESCAPED_LETTER.sub(lambda letter: chr(int(letter[1], 16)), text))}


def _in_place_of(pronoun: str, entity: str) -> str:
    head, _, rest = entity.partition(" ")
    if pronoun[0].isupper():
        entity = entity[0].upper() + entity[1:]
    elif head.lower() in _DETERMINERS and rest:
        entity = f"{head.lower()} {rest}"
    return f"{entity}'s" if pronoun.lower() in _POSSESSIVES else entity


def _tidy(text: str) -> str:
    return _SPACE_BEFORE_MARK.sub(r"\1", _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())
