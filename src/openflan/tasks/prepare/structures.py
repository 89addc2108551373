"""Rows of the struct-to-text cluster: triples, attributes and concepts in a form that reads well."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from openflan.tasks.prepare import Row, SkipRow

_ATTRIBUTE = re.compile(r"\s*([^,\[\]]+?)\s*\[([^\[\]]*)\]")
_MARKER = re.compile(r"\[[^\[\]]*\]")
_CASE_CHANGE = re.compile(r"(?<=[a-z])(?=[A-Z])")


def common_gen_sentence(row: Row) -> Row:
    """CommonGen: the sentence as a person would type it, without the tokeniser's space before a full stop."""
    sentence = re.sub(r"\s+([.,!?])", r"\1", " ".join(row["target"].split()))
    if len(row["concepts"]) < 2:
        raise SkipRow("fewer than two concepts")
    return {"sentence": sentence}


def e2e_attributes(row: Row) -> Row:
    """E2E: `name[The Mill], eatType[pub]` as "name = The Mill, eat type = pub" and as a list, one attribute a line."""
    found = _ATTRIBUTE.findall(row["meaning_representation"])
    attributes = [(_words(name), value.strip()) for name, value in found if value.strip()]
    if not attributes:
        raise SkipRow("no attributes")
    return {
        "facts": ", ".join(f"{name} = {value}" for name, value in attributes),
        "fact_lines": "\n".join(f"{name}: {value}" for name, value in attributes),
        "place": next((value for name, value in attributes if name == "name"), "this place"),
    }


def web_nlg_triples(row: Row) -> Row:
    """WebNLG as GEM has it: `input` is a list of "Subject | relation | Object" strings."""
    return _facts([part.strip() for part in triple.split(" | ")] for triple in row["input"])


def web_nlg_entries(row: Row) -> list[Row]:
    """WebNLG as the 2017 challenge has it: a triple set with several texts becomes one row for each text, as in GEM.

    Only texts that the annotators marked good are used where there are any. `entry` says which rows belong together.
    """
    triples = row["modified_triple_sets"]["mtriple_set"]
    lex: Mapping[str, Sequence[str]] = row["lex"]
    judged = list(zip(lex["text"], lex["comment"], strict=True))
    texts = [text for text, comment in judged if comment == "good"] or [text for text, _ in judged]
    entry = " ".join([row["category"], str(row["size"]), row["eid"]])
    return [{"input": list(triples[0]), "target": text, "references": [], "entry": entry} for text in texts if triples]


def dart_triples(row: Row) -> Row:
    """DART: `tripleset` is a list of [subject, relation, object]; cells that are only a marker of the table go."""
    return _facts([_MARKER.sub("", part).strip() for part in triple] for triple in row["tripleset"])


def _facts(triples: Iterable[Sequence[str]]) -> Row:
    """The same facts as one line and as a list, one fact a line, with how many there are."""
    cleaned = [_fact(triple) for triple in triples]
    facts = list(dict.fromkeys(fact for fact in cleaned if fact))
    if not facts:
        raise SkipRow("no triples")
    return {"facts": "; ".join(facts), "fact_lines": "\n".join(facts), "count": len(facts)}


def _fact(triple: Sequence[str]) -> str:
    """A triple in words: Aarhus_Airport, cityServed, "Aarhus"@en → Aarhus Airport | city served | Aarhus."""
    cells = [_literal(cell) if place != 1 else _words(cell) for place, cell in enumerate(triple)]
    return " | ".join(cell for cell in cells if cell)


def _literal(cell: str) -> str:
    """A name or value without underscores, and without the quotes, language mark or data type of RDF.

    A unit in brackets stays, as a word: "100305.0"(minutes) → 100305.0 minutes.
    """
    plain = " ".join(cell.replace("_", " ").split())
    return re.sub(r'^"(.*)"(?:@[\w-]+|\^\^\S+)?(?: ?\(([\w /]+)\))?$', _with_unit, plain)


def _with_unit(value: re.Match[str]) -> str:
    return f"{value[1]} {value[2]}" if value[2] else value[1]


def _words(name: str) -> str:
    """A relation or attribute as words: cityServed → city served, NOTES_2 → notes 2."""
    return " ".join(_CASE_CHANGE.sub(" ", name.replace("_", " ")).lower().split())
