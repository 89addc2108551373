"""A mixture whose example number i is whatever a function makes of i."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from openflan.data.mixture import Draw
from openflan.data.prompt import Prompt


class MadeMixture:
    """`make(number, attempt)` gives the prompt; `asked` keeps the numbers that were drawn."""

    def __init__(self, make: Callable[[int, int], Prompt | None], fingerprint: str = "made-up") -> None:
        self.make, self.fingerprint = make, fingerprint
        self.asked: list[tuple[int, int]] = []

    def draw(self, start: int, stop: int) -> list[Draw]:
        self.asked.append((start, stop))
        return [Draw(0, number, 0) for number in range(start, stop)]

    def redraw(self, number: int, attempt: int) -> Draw:
        return Draw(0, number, attempt)

    def write(self, draws: Sequence[Draw], encoder: object = None) -> list[Prompt | None]:
        return [self.make(draw.position, draw.choice) for draw in draws]
