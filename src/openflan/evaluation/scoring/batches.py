"""Work cut into windows and batches that follow from all requests, whether answered before or not."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import torch

from openflan.evaluation.engines.base import Question
from openflan.evaluation.engines.inference import inference, is_out_of_memory
from openflan.evaluation.scoring.interface import Failure

_log = logging.getLogger(__name__)

_LEAST = 512
"""Prompts in a window, at least."""

_BUDGET_PER_PROMPT = 8
"""Tokens of the budget per prompt of a window: large batches need many prompts, or too many are partly filled."""

Answer = TypeVar("Answer")


class Work(NamedTuple, Generic[Answer]):
    """How to do a kind of work: the questions (sorted) and failures of some prompts, and see `Engine`."""

    questions: Callable[[Sequence[int]], tuple[list[Question], list[tuple[int, Failure]]]]
    cost: Callable[[Question, Question | None], int]
    answer: Callable[[Sequence[Question], Question | None], list[Answer]]


def answered(
    model: Any, work: Work[Answer], order: Sequence[int], known: Container[int], budget: int, reset: Callable[[], None]
) -> Iterator[tuple[int, Answer | Failure]]:
    """Do the work for the prompts in `order`, and yield the answers to those that are not `known`.

    Batches take up to `budget` tokens. Nothing is carried from one window to the next (`reset`), so a window gives the
    same numbers each time; one of which all is known is passed over.
    """
    size = max(_LEAST, budget // _BUDGET_PER_PROMPT)
    try:
        for begin in range(0, len(order), size):
            window = order[begin : begin + size]
            if all(number in known for number in window):
                continue
            reset()
            questions, failures = work.questions(window)
            yield from ((number, failure) for number, failure in failures if number not in known)
            for question, answer in _in_batches(model, work, questions, budget):
                if question.number not in known:
                    yield question.number, answer
    finally:
        reset()


def _in_batches(
    model: Any, work: Work[Answer], questions: Sequence[Question], budget: int
) -> Iterator[tuple[Question, Answer | Failure]]:
    """Answer questions in batches under the budget, which is halved when memory runs out."""
    waiting = deque(questions)
    while waiting:
        batch: list[Question] = []
        total = 0
        while waiting:
            added = work.cost(waiting[0], batch[-1] if batch else None)
            if batch and total + added > budget:
                break
            batch.append(waiting.popleft())
            total += added
        answers = _attempt(model, lambda: work.answer(batch, waiting[0] if waiting else None))  # noqa: B023
        if answers is not None:
            yield from zip(batch, answers, strict=True)
        elif len(batch) == 1:
            yield batch[0], Failure(f"no memory for {max(map(len, batch[0].sequences))} tokens")
        else:
            budget = max(min(budget, total) // 2, 1)
            _log.warning("memory ran out; going on with at most %d tokens at once", budget)
            waiting.extendleft(reversed(batch))


def _attempt(model: Any, work: Callable[[], list[Answer]]) -> list[Answer] | None:
    """What `work` returns, or None when memory ran out."""
    try:
        with inference(model):
            return work()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside the handler, so that no traceback holds on to tensors.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None
