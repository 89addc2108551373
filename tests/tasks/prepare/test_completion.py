"""The functions of `prepare.completion` on rows of the real shape."""

from __future__ import annotations

from typing import Any

import pytest

from openflan.tasks.prepare import SkipRow
from openflan.tasks.prepare.completion import hellaswag, piqa, tweet, winogrande, wsc, wsc273, yelp_review


def test_hellaswag_turns_tags_into_lines_and_drops_them_from_endings() -> None:
    row = {
        "ctx": "[header] How to grow cress [title] Find a dish. [step] Any flat dish will do. [substeps] Wash it.",
        "endings": ["[substeps] Line it with  paper. [title] Sow.", "Eat it.", "[step] Run.", "Sing."],
    }
    assert hellaswag(row) == {
        "context": "How to grow cress\nFind a dish.\nAny flat dish will do.\nWash it.",
        "ending0": "Line it with paper. Sow.",
        "ending1": "Eat it.",
        "ending2": "Run.",
        "ending3": "Sing.",
    }


@pytest.mark.parametrize(
    ("ctx", "context"),
    [
        ("A man waxes a ski. the man", "A man waxes a ski. The man"),
        ("A man waxes a ski. He stops. then a boy", "A man waxes a ski. He stops. Then a boy"),
        ("A man waxes a ski.", "A man waxes a ski."),
        ("[header] How to wax. [title] e.g. a ski", "How to wax.\ne.g. a ski"),
    ],
)
def test_hellaswag_raises_only_the_unfinished_sentence_of_a_caption(ctx: str, context: str) -> None:
    assert hellaswag({"ctx": ctx, "endings": ["a", "b", "c", "d"]})["context"] == context


def test_hellaswag_keeps_brackets_that_are_no_tags() -> None:
    row = {"ctx": "He hangs up [the usual] lights.", "endings": ["[sic] a", "b", "c", "d"]}
    assert hellaswag(row)["context"] == "He hangs up [the usual] lights."
    assert hellaswag(row)["ending0"] == "[sic] a"


def test_hellaswag_wants_four_endings() -> None:
    with pytest.raises(SkipRow, match="four"):
        hellaswag({"ctx": "A man", "endings": ["runs."]})


def test_piqa_puts_recipes_on_one_line() -> None:
    row = {"goal": " To make tea, ", "sol1": "1 bag     1 cup\nhot water", "sol2": "1 bag  1 cup sand"}
    assert piqa(row) == {"aim": "To make tea", "first": "1 bag 1 cup hot water", "second": "1 bag 1 cup sand"}


@pytest.mark.parametrize(
    ("sentence", "start", "first"),
    [
        ("The vase fell off the shelf as the _ was wet.", "The vase fell off the shelf as the", "vase was wet."),
        ("Ida envied Ruth, so she copied _ .", "Ida envied Ruth, so she copied", "vase."),
        ("It was the _ 's weight ,  not its size.", "It was the", "vase's weight, not its size."),
    ],
)
def test_winogrande_splits_at_the_blank(sentence: str, start: str, first: str) -> None:
    ready = winogrande({"sentence": sentence, "option1": "vase", "option2": "shelf"})
    assert (ready["start"], ready["first"]) == (start, first)
    assert ready["second"] == first.replace("vase", "shelf")


@pytest.mark.parametrize("sentence", ["No blank.", "Two _ in _ one.", "_ came first."])
def test_winogrande_skips_what_it_cannot_split(sentence: str) -> None:
    with pytest.raises(SkipRow):
        winogrande({"sentence": sentence, "option1": "a", "option2": "b"})


def _schema(text: str, pronoun: str, first: str, second: str) -> dict[str, Any]:
    return {"text": text, "pronoun": pronoun, "pronoun_loc": text.index(pronoun), "options": [first, second]}


@pytest.mark.parametrize(
    ("row", "start", "first", "second"),
    [
        (
            _schema("I dropped the jug onto the tray and it broke .", "it", "The jug", "The tray"),
            "I dropped the jug onto the tray and",
            "the jug broke.",
            "the tray broke.",
        ),
        (
            _schema("The guard saw a thief. He ran.", "He", "the guard", "The thief"),
            "The guard saw a thief.",
            "The guard ran.",
            "The thief ran.",
        ),
        (
            _schema("Olga lent Vera her pen.", "her", "Olga", "My aunt"),
            "Olga lent Vera",
            "Olga's pen.",
            "my aunt's pen.",
        ),
        (_schema("We met Ann, and she sang.", "she", "Ann", "A girl"), "We met Ann, and", "Ann sang.", "a girl sang."),
    ],
)
def test_wsc273_puts_each_entity_in_the_place_of_the_pronoun(
    row: dict[str, Any], start: str, first: str, second: str
) -> None:
    assert wsc273(row) == {"start": start, "first": first, "second": second}


def test_wsc273_skips_rows_it_cannot_split() -> None:
    row = _schema("He saw Ann.", "He", "Bo", "Al")
    with pytest.raises(SkipRow, match="nothing before"):
        wsc273(row)
    with pytest.raises(SkipRow, match="not where"):
        wsc273(row | {"pronoun_loc": 4})
    with pytest.raises(SkipRow, match="two options"):
        wsc273(_schema("Ann saw him.", "him", "Bo", "Al") | {"options": ["Bo"]})


def test_wsc_marks_the_pronoun_that_is_meant() -> None:
    row = {"text": "Ada 's cat bit her , so she told her to go. ", "span2_text": "her", "span2_index": 8}
    assert wsc(row) == {
        "passage": "Ada's cat bit her, so she told her to go.",
        "marked": "Ada's cat bit her, so she told *her* to go.",
    }


@pytest.mark.parametrize(("index", "marked"), [(0, "*He* said he left."), (4, "He said *he* left.")])
def test_wsc_takes_the_nearest_where_the_count_is_off(index: int, marked: str) -> None:
    assert wsc({"text": "He said he left.", "span2_text": "he", "span2_index": index})["marked"] == marked


def test_wsc_marks_inside_punctuation_and_skips_a_missing_pronoun() -> None:
    row = {"text": '"Good for him," said Bo.', "span2_text": "him", "span2_index": 2}
    assert wsc(row)["marked"] == '"Good for *him*," said Bo.'
    with pytest.raises(SkipRow, match="pronoun"):
        wsc(row | {"span2_text": "them"})


def test_tweet_undoes_entities() -> None:
    assert tweet({"text": " tea &amp; toast &lt;3\n &quot;yay&quot; "}) == {"post": 'tea & toast <3 "yay"'}


@pytest.mark.parametrize(
    ("text", "review"),
    [
        (r'A \""real\"" treat.\n\nGo!', 'A "real" treat. Go!'),
        ("Nice place.\nNice staff. ", "Nice place. Nice staff."),
        (r'"the \""chef\ "" was rude .\nnever again"', 'the "chef" was rude . never again'),
        (r"tr\u00e8s bon", "très bon"),
        ('"Fine", they said, "fine"', '"Fine", they said, "fine"'),
        ('"', '"'),
    ],
)
def test_yelp_review_undoes_the_escapes_of_every_copy(text: str, review: str) -> None:
    assert yelp_review({"text": text}) == {"review": review}
