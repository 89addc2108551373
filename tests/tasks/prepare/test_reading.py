"""Rows of the reading and question-answering sets, in the shapes the real ones have."""

from __future__ import annotations

from typing import Any

import pytest

from openflan.tasks.prepare import SkipRow, function
from openflan.tasks.prepare.reading import boolq, choice, drop_answer, drop_spans, record, squad, tidy_question, trivia


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("is the kiwi a bird", "is the kiwi a bird?"),
        ("Who wrote it?", "Who wrote it?"),
        ("  Why did he leave ? ", "Why did he leave?"),
        ("What is  DECnet", "What is DECnet?"),
        ("Who painted the ceiling.", "Who painted the ceiling?"),
        ("Name a river in Wales.", "Name a river in Wales."),
        ("Name a river in Wales", "Name a river in Wales."),
        ("In 1963 they named eight of these.", "In 1963 they named eight of these."),
        ("Which is it? (Surname only)", "Which is it? (Surname only)"),
        ("What is meant by this>", "What is meant by this?"),
        ("In what year did the war begin?14", "In what year did the war begin?"),
        ("Which is driven by partners?:", "Which is driven by partners?"),
        ("Who directed the film 'Last Tango'? (", "Who directed the film 'Last Tango'?"),
        ("What is 5 in C? (Base 10)", "What is 5 in C? (Base 10)"),
        ('"Who wrote ""Emma"""', 'Who wrote "Emma"?'),
        ('Who said "Eureka"?', 'Who said "Eureka"?'),
    ],
)
def test_questions_get_one_end_mark(typed: str, asked: str) -> None:
    assert tidy_question({"question": typed}) == {"asked": asked}


@pytest.mark.parametrize(
    ("passage", "title", "text"),
    [
        ("Kiwi (bird) -- Kiwi are flightless birds.", "Kiwi (bird)", "Kiwi are flightless birds."),
        ("Kiwi are flightless birds.", "", "Kiwi are flightless birds."),
        ("A fire whirl -- also called a fire devil -- is a wind.", "", None),
        ("Ada King (December 1815 -- November 1852) was a writer.", "", None),
        ("All sugars -- Fructose among them.", "", None),
        ("Up -- Up is a ``film''.", "Up", 'Up is a "film".'),
        (
            "800 Words -- On 19 October the channel renewed the show.",
            "800 Words",
            "On 19 October the channel renewed the show.",
        ),
        (
            "Whose Line Is It Anyway? (U.S. TV series) -- Production was canceled in 2003.",
            "Whose Line Is It Anyway? (U.S. TV series)",
            "Production was canceled in 2003.",
        ),
        ("She was nominated for Best Actress -- Drama, but she lost to Jane Fonda for Klute.", "", None),
        ("In Star Wars: Episode II -- Attack of the Clones, Obi-Wan is now a Jedi Master.", "", None),
        ("Liberia has qualified twice -- 1996 and 2002 were the years in question here.", "", None),
    ],
)
def test_boolq_title_is_split_only_where_there_is_one(passage: str, title: str, text: str | None) -> None:
    names = boolq({"question": "is it so", "passage": passage})
    assert (names["title"], names["text"]) == (title, text or passage)


def _drop(number: str = "", date: tuple[str, str, str] = ("", "", ""), spans: tuple[str, ...] = ()) -> dict[str, Any]:
    day, month, year = date
    answer = {"number": number, "date": {"day": day, "month": month, "year": year}, "spans": list(spans)}
    return {"passage": "Rainfall was 12&#160;mm.\nIt rained.", "question": "How much", "answer": answer}


@pytest.mark.parametrize(
    ("row", "gold"),
    [
        (_drop(number="12"), "12"),
        (_drop(number="12", spans=("mm",)), "12"),
        (_drop(date=("7", "May", "1918")), "1918-May-7"),
        (_drop(date=("", "May", "1918")), "1918-May"),
        (_drop(spans=("the Colts", "the Bears")), "the Colts"),
    ],
)
def test_drop_answer_is_number_then_date_then_first_span(row: dict[str, Any], gold: str) -> None:
    assert drop_answer(row) == {"asked": "How much?", "text": "Rainfall was 12 mm. It rained.", "gold": gold}


def test_drop_row_without_answer_is_skipped() -> None:
    with pytest.raises(SkipRow, match="no answer"):
        drop_answer(_drop())


def test_drop_spans_takes_the_first() -> None:
    row = {"passage": "Text.", "question": "Who?", "answers_spans": {"spans": [" ", "males", "male"]}}
    assert drop_spans(row)["gold"] == "males"


def _squad(*answers: str) -> dict[str, Any]:
    return {
        "title": "Steam_engine",
        "context": " Steam drives it. ",
        "question": "What does",
        "answers": {"text": answers},
    }


def test_squad_keeps_each_gold_once_and_reads_the_title() -> None:
    names = squad(_squad("Steam", "steam", "Steam"))
    assert names == {
        "asked": "What does?",
        "text": "Steam drives it.",
        "topic": "Steam engine",
        "golds": ["Steam", "steam"],
    }


def test_squad_row_without_answer_is_unanswerable() -> None:
    assert squad(_squad())["golds"] == ["unanswerable"]


def _record(**changed: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "passage": "Oslo (AP) -- The museum reopened.\n@highlight\nIt was shut for years\n@highlight\nEntry is free",
        "query": "The mayor of @placeholder cut the ribbon.",
        "entities": ["AP", "Oslo", "AP"],
        "answers": ["Oslo"],
    }
    return row | changed


def test_record_cuts_the_passage_and_splits_the_query() -> None:
    assert record(_record()) == {
        "text": "Oslo (AP) -- The museum reopened.",
        "start": "The mayor of",
        "gapped": "The mayor of _____ cut the ribbon.",
        "endings": ["AP cut the ribbon.", "Oslo cut the ribbon."],
        "golds": ["Oslo cut the ribbon."],
    }


def test_record_query_may_begin_with_its_gap_and_hold_an_ending() -> None:
    names = record(_record(query="@placeholder's new museum", answers=["Norway", "Oslo"]))
    assert (names["start"], names["golds"]) == ("", ["Oslo's new museum"])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"entities": []}, "no entities"),
        ({"answers": ["Bergen"]}, "no gold answer among the entities"),
        ({"answers": []}, "no gold answer among the entities"),
        ({"query": "The mayor spoke."}, "query without a placeholder"),
    ],
)
def test_record_rows_that_cannot_be_asked_are_skipped(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(SkipRow, match=reason):
        record(_record(**changed))


@pytest.mark.parametrize(("labels", "key"), [("ABCD", "C"), ("1234", "3")])
def test_choice_looks_the_key_up_among_the_labels(labels: str, key: str) -> None:
    names = choice({"choices": {"text": ["ice", "fog ", "dew", "hail"], "label": list(labels)}, "answerKey": key})
    assert names == {"listed": ["ice", "fog", "dew", "hail"], "right": "dew"}


def test_choice_without_a_valid_key_is_skipped() -> None:
    with pytest.raises(SkipRow, match="answer key"):
        choice({"choices": {"text": ["ice", "fog"], "label": ["A", "B"]}, "answerKey": ""})


def test_trivia_uses_the_normal_forms_of_the_row() -> None:
    answer = {"value": "The Moon", "aliases": ["The Moon"], "normalized_value": "moon", "normalized_aliases": ["luna"]}
    assert trivia({"question": "What did Apollo 11 reach?", "answer": answer})["golds"] == ["moon", "luna"]


def test_trivia_makes_normal_forms_where_they_are_blank() -> None:
    answer = {
        "value": "The Beatles’ “Help!”",
        "aliases": ["Help!", "The_Beatles' Help"],
        "normalized_value": "",
        "normalized_aliases": [],
    }
    names = trivia({"question": "Name the film", "answer": answer})
    assert names == {"asked": "Name the film.", "gold": "beatles help", "golds": ["beatles help", "help"]}


def test_cards_find_the_functions_by_name() -> None:
    assert function("record") is record
