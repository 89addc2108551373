"""Rows of the reading and question-answering sets: questions made tidy, choices found, gold answers collected.

Questions come as people typed them: without a question mark, with blanks around it, in CSV quotes. Every function
here that reads a question returns it as `asked`, tidied by the same rules and otherwise in its writer's words.
"""

from __future__ import annotations

import html
import re
import string
from collections.abc import Iterable

from openflan.tasks.prepare import Row, SkipRow

_GAP = "@placeholder"
_HIGHLIGHT = "@highlight"
_UNANSWERABLE = "unanswerable"
_LONGEST_TITLE = 90
_SENTENCE = 5
"""Words that make a sentence, where a title is told from a text by it."""

_CLAUSE = re.compile(r"\b(?:is|are|was|were|has|have|had|may|can|will|lost|won)\b|\bEpisode [IVX\d]+$")
"""What stands before a dash within a text: a verb (a title's own has a capital), or a film of a series."""

_COMMANDS = frozenset({"choose", "describe", "explain", "give", "identify", "list", "name", "select", "tell"})
_QUESTION_WORDS = frozenset(
    {"what", "when", "where", "which", "who", "whom", "whose", "why", "how", "is", "are", "was", "were", "do", "does"}
    | {"did", "can", "has", "have", "had"}
)
_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`“”", " "))
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def tidy_question(row: Row) -> Row:
    """`asked`: the question on one line with one question mark, whatever the row has at its end."""
    return {"asked": _asked(row["question"])}


def boolq(row: Row) -> Row:
    """`asked`, `title` and `text`: the passage in plain quotation marks, without the "Title -- " some copies prefix.

    The title is empty for copies without it, and for a passage that merely has a dash in its first sentence.
    """
    title, text = _titled(row["passage"])
    return {"asked": _asked(row["question"]), "title": _plain_quotes(title), "text": _plain_quotes(text)}


def drop_answer(row: Row) -> Row:
    """`asked`, `text` and `gold` of a row with DROP's own answer: the number, else the date, else the first span."""
    answer = row["answer"]
    date = "-".join(part.strip() for part in (answer["date"][key] for key in ("year", "month", "day")) if part.strip())
    gold = answer["number"].strip() or date or _first(answer["spans"])
    return {"asked": _asked(row["question"]), "text": _unescaped(row["passage"]), "gold": gold}


def drop_spans(row: Row) -> Row:
    """`asked`, `text` and `gold` of a row whose answers are listed as texts only: the first of them."""
    gold = _first(row["answers_spans"]["spans"])
    return {"asked": _asked(row["question"]), "text": _unescaped(row["passage"]), "gold": gold}


def squad(row: Row) -> Row:
    """`asked`, `text`, `topic` (the title in words, or empty) and `golds`, the different gold answers in order.

    A row without an answer, which only SQuAD 2.0 has, gets the one gold answer "unanswerable".
    """
    golds = _distinct(text.strip() for text in row["answers"]["text"])
    return {
        "asked": _asked(row["question"]),
        "text": row["context"].strip(),
        "topic": row["title"].replace("_", " ").strip(),
        "golds": golds or [_UNANSWERABLE],
    }


def record(row: Row) -> Row:
    """The passage up to its first highlight, the query up to its gap, and one ending per entity.

    Names: `text`; `start`, the query's words before the gap (often none); `gapped`, the query with the gap drawn;
    `endings`, each entity followed by the query's words after the gap; `golds`, the endings of the gold entities.
    """
    before, gap, after = row["query"].strip().partition(_GAP)
    if not gap:
        raise SkipRow("query without a placeholder")
    entities = _distinct(entity.strip() for entity in row["entities"])
    if not entities:
        raise SkipRow("no entities")
    right = [gold for gold in _distinct(answer.strip() for answer in row["answers"]) if gold in entities]
    if not right:
        raise SkipRow("no gold answer among the entities")
    return {
        "text": row["passage"].partition(_HIGHLIGHT)[0].strip(),
        "start": before.strip(),
        "gapped": row["query"].strip().replace(_GAP, "_____"),
        "endings": [_ending(entity, after) for entity in entities],
        "golds": [_ending(entity, after) for entity in right],
    }


def choice(row: Row) -> Row:
    """`listed`, the choices' texts in order, and `right`, the text whose label the answer key names.

    Keys are letters or digits, depending on the exam a question comes from, so the key is looked up and never counted.
    """
    listed = [text.strip() for text in row["choices"]["text"]]
    labels = [label.strip() for label in row["choices"]["label"]]
    key = row["answerKey"].strip()
    if key not in labels[: len(listed)]:
        raise SkipRow("answer key names no choice")
    return {"listed": listed, "right": listed[labels.index(key)]}


def trivia(row: Row) -> Row:
    """`asked`, `gold` and `golds`: answers in TriviaQA's normal form, made here where a copy leaves it blank."""
    answer = row["answer"]
    gold = answer["normalized_value"] or _normal(answer["value"])
    aliases = answer["normalized_aliases"] or [_normal(alias) for alias in answer["aliases"]]
    return {"asked": _asked(row["question"]), "gold": gold, "golds": _distinct([gold, *aliases])}


def _asked(question: str) -> str:
    """One line with one end mark; a command ("Name a river.") keeps its full stop.

    Digits right behind the question mark are the stray number of an annotation, other marks there a slip.
    """
    text = _out_of_csv(" ".join(question.split()))
    if "?" in text:
        return re.sub(r"\s*\?(?:\d+|[\s?.,:;(]*)$", "?", text)
    first = text.partition(" ")[0].lower().strip("\"'(")
    if text.endswith((".", "!", '."')) and first not in _QUESTION_WORDS:
        return text
    bare = text.rstrip(" .,;:>/\\")
    return f"{bare}." if first in _COMMANDS else f"{bare}?"


def _out_of_csv(text: str) -> str:
    """Undo the quoting of a CSV cell, which wraps a text in quotation marks and doubles those within."""
    wrapped = len(text) > 1 and text.startswith('"') and text.endswith('"') and '""' in text[1:-1]
    return text[1:-1].replace('""', '"').strip() if wrapped else text


def _titled(passage: str) -> tuple[str, str]:
    """Split "Title -- text". A title is short and no clause, and a sentence of its own follows it.

    Most texts speak of their title's subject; one that does not has a whole sentence for its first.
    """
    title, dash, text = (part.strip() for part in passage.partition(" -- "))
    is_short = bool(dash) and len(title) <= _LONGEST_TITLE and title.count("(") == title.count(")")
    if not is_short or text[:1].islower() or _CLAUSE.search(title):
        return "", passage.strip()
    words = re.findall(r"\w+", title.lower())
    subject = [word for word in words if len(word) > 3] or words
    is_whole = len(re.split(r"[.!?](?:\s|$)", text)[0].split()) >= _SENTENCE
    return (title, text) if is_whole or any(word in text.lower() for word in subject) else ("", passage.strip())


def _plain_quotes(text: str) -> str:
    """TeX-like quotation marks made plain."""
    return text.replace("``", '"').replace("''", '"')


def _unescaped(text: str) -> str:
    """HTML entities read, and the odd blanks they stand for made plain."""
    return " ".join(html.unescape(text).split())


def _first(texts: Iterable[str]) -> str:
    found = next((text.strip() for text in texts if text.strip()), None)
    if found is None:
        raise SkipRow("no answer")
    return found


def _distinct(texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text]


def _ending(entity: str, after: str) -> str:
    """The query from its gap on; a second gap, should there be one, takes the same entity."""
    return f"{entity}{after.replace(_GAP, entity)}".strip()


def _normal(answer: str) -> str:
    """TriviaQA's normal form: lower case, no punctuation, no articles, single blanks."""
    plain = answer.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())
