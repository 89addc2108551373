import pytest

from openflan.tasks.prepare import SkipRow
from openflan.tasks.prepare.dialogues import coqa_dialogue, quac_turns


def coqa(questions, answers):
    return {"story": "Ada has a grey cat.", "questions": questions, "answers": {"input_text": answers}}


def test_a_dialogue_is_numbered_in_order():
    assert coqa_dialogue(coqa(["What does Ada have?", " What  colour\nis it? "], ["a cat", "grey"])) == {
        "count": 2,
        "numbered_questions": "1. What does Ada have?\n2. What colour is it?",
        "numbered_answers": "1. a cat\n2. grey",
    }


def test_questions_may_stand_in_a_mapping():
    numbered = coqa_dialogue(coqa({"input_text": ["What?", "Which?"], "turn_id": [1, 2]}, ["a cat", "grey"]))
    assert numbered["numbered_questions"] == "1. What?\n2. Which?"


@pytest.mark.parametrize(
    ("questions", "answers", "reason"),
    [
        (["What?", "Who?"], ["a cat"], "as many answers as questions"),
        (["What?"], ["a cat"], "fewer than two"),
        (["What?", "Who?"], ["a cat", " "], "empty"),
    ],
)
def test_a_dialogue_that_cannot_be_answered_in_order_is_left_out(questions, answers, reason):
    with pytest.raises(SkipRow, match=reason):
        coqa_dialogue(coqa(questions, answers))


QUAC = {
    "wikipedia_page_title": "Kettle",
    "section_title": "History",
    "background": "A kettle heats water.",
    "context": "The whistle came later. Some have none. CANNOTANSWER",
    "questions": ["When did the whistle come?", "Who made the first one?"],
    "answers": {"texts": [["later", "The whistle came later.", "later"], ["CANNOTANSWER"]]},
    "orig_answers": {"texts": ["The whistle came later.", "CANNOTANSWER"]},
}


def test_each_turn_stands_alone():
    first, second = quac_turns(QUAC)
    assert (first["question"], first["answer"]) == ("When did the whistle come?", "The whistle came later.")
    assert first["all_answers"] == ["The whistle came later.", "later"]
    assert (second["answer"], second["all_answers"]) == ("CANNOTANSWER", ["CANNOTANSWER"])
    assert (second["title"], second["section"]) == ("Kettle", "History")


def test_the_token_at_the_end_of_a_section_is_taken_off():
    assert quac_turns(QUAC)[0]["article"] == "A kettle heats water.\n\nThe whistle came later. Some have none."


def test_an_article_without_background_is_its_section():
    assert quac_turns({**QUAC, "background": ""})[0]["article"] == "The whistle came later. Some have none."


def test_a_quac_dialogue_without_all_answers_is_left_out():
    with pytest.raises(SkipRow, match="as many answers"):
        quac_turns({**QUAC, "questions": QUAC["questions"][:1]})
