"""Question dialogues about a text: CoQA as one example per dialogue, QuAC as one example per turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from openflan.tasks.prepare import Row, SkipRow

_NO_ANSWER = "CANNOTANSWER"


def coqa_dialogue(row: Row) -> Row:
    """Number a dialogue's questions and its answers, so that one reply can answer the whole dialogue in order.

    A dialogue with an unanswered question is left out, since the numbers would no longer match; so is one with a
    single question, which is no dialogue. One of the hub's copies keeps the questions in a mapping, like the answers.
    """
    asked = row["questions"]["input_text"] if isinstance(row["questions"], Mapping) else row["questions"]
    questions = [_one_line(question) for question in asked]
    answers = [_one_line(answer) for answer in row["answers"]["input_text"]]
    if len(questions) != len(answers):
        raise SkipRow("as many answers as questions are needed")
    if len(questions) < 2:
        raise SkipRow("fewer than two questions")
    if not all(questions) or not all(answers):
        raise SkipRow("an empty question or answer")
    return {"count": len(questions), "numbered_questions": _numbered(questions), "numbered_answers": _numbered(answers)}


def quac_turns(row: Row) -> list[Row]:
    """Take a dialogue apart into its questions, each alone with the texts, as the release does.

    A turn has the answer that the dialogue went on with (`answer`) and every annotator's (`all_answers`). The data
    append the token for "no answer" to each section; it is taken off, since templates say when to write it.
    """
    context = row["context"].strip().removesuffix(_NO_ANSWER).strip()
    background = row["background"].strip()
    questions, firsts, alls = row["questions"], row["orig_answers"]["texts"], row["answers"]["texts"]
    if not len(questions) == len(firsts) == len(alls):
        raise SkipRow("as many answers as questions are needed")
    return [
        {
            "title": row["wikipedia_page_title"].strip(),
            "section": row["section_title"].strip(),
            "background": background,
            "context": context,
            "article": f"{background}\n\n{context}".strip(),
            "question": _one_line(question),
            "answer": answer.strip(),
            "all_answers": list(dict.fromkeys(text.strip() for text in [answer, *others] if text.strip())),
        }
        for question, answer, others in zip(questions, firsts, alls, strict=True)
    ]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _numbered(lines: Iterable[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
