"""Scoring with several processes (torchrun), each with the whole model: they split the prompts and pool the answers."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, TypeVar

import torch.distributed as dist

from openflan.data.encode import Encoder
from openflan.data.limits import TARGET_TOKENS
from openflan.evaluation.scoring.interface import Failure, Ranking, RankRequest, Scorer

_ROUND = 2048
"""Prompts per process between two exchanges of answers."""

_Answer = TypeVar("_Answer")


class SplitScorer:
    """A scorer that does its process's part of the work and returns the answers of all, the same in every process.

    All processes ask for the same things in the same order. Needs `torch.distributed` to be initialised. Prompts are
    divided in the order of their text, so that those with a common beginning stay in one process.
    """

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    @property
    def encoder(self) -> Encoder:
        """The scorer's."""
        return self.scorer.encoder

    def rank(
        self, requests: Sequence[RankRequest], known: Container[int] = ()
    ) -> Iterator[tuple[int, Ranking | Failure]]:
        """See `ModelScorer.rank`."""
        order = sorted(range(len(requests)), key=lambda number: requests[number].input)

        def work(mine: Sequence[int]) -> Iterator[tuple[int, Ranking | Failure]]:
            return self.scorer.rank([requests[number] for number in mine], _places(mine, known))

        return _split(order, known, work)

    def generate(
        self,
        inputs: Sequence[str],
        max_tokens: int = TARGET_TOKENS,
        stop: Sequence[str] = (),
        known: Container[int] = (),
    ) -> Iterator[tuple[int, str | Failure]]:
        """See `ModelScorer.generate`."""
        order = sorted(range(len(inputs)), key=inputs.__getitem__)

        def work(mine: Sequence[int]) -> Iterator[tuple[int, str | Failure]]:
            return self.scorer.generate([inputs[number] for number in mine], max_tokens, stop, _places(mine, known))

        return _split(order, known, work)


def _places(numbers: Sequence[int], known: Container[int]) -> set[int]:
    """Where the known ones stand among `numbers`."""
    return {place for place, number in enumerate(numbers) if number in known}


def _split(
    order: Sequence[int], known: Container[int], work: Callable[[Sequence[int]], Iterator[tuple[int, _Answer]]]
) -> Iterator[tuple[int, _Answer]]:
    """Run `work` on this process's part of each round that is not all known, and yield everybody's answers."""
    processes, process = dist.get_world_size(), dist.get_rank()
    for begin in range(0, len(order), _ROUND * processes):
        current = order[begin : begin + _ROUND * processes]
        if all(number in known for number in current):
            continue
        mine = current[len(current) * process // processes : len(current) * (process + 1) // processes]
        answers = [(mine[place], answer) for place, answer in work(mine)] if mine else []
        parts: list[Any] = [None] * processes
        dist.all_gather_object(parts, answers)
        for part in parts:
            yield from part
