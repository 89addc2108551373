"""Progress bars of long work, on standard error; silent on request, under torchrun but for the first process."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from openflan.evaluation.loop import EvalProgress, OnProgress
    from openflan.training.loop import TrainProgress


@contextmanager
def bar(title: str, total: float | None, *, silent: bool) -> Iterator[Callable[..., None]]:
    """Show a bar while the block runs; yields what moves it: `move(completed=…, total=…, title=…)`."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    # Where there is nothing to draw on, `rich` would leave an empty line.
    quiet = silent or os.environ.get("RANK", "0") != "0" or not (console.is_terminal or console.is_jupyter)
    with Progress(*columns, console=console, transient=True, disable=quiet) as drawn:
        line: TaskID = drawn.add_task(title, total=total)

        def move(completed: float | None = None, total: float | None = None, title: str | None = None) -> None:
            drawn.update(line, completed=completed, total=total, description=title)

        yield move


def fetch_model(model: str, *, silent: bool = False) -> Path:
    """The folder of a model; the small one, and one on the hub, is fetched on first use. Raises `ModelError`."""
    from openflan.model.default import resolve

    quiet_libraries()
    with bar(f"fetching {model}", None, silent=silent) as move:
        return resolve(model, lambda have, total: move(have, total))


def quiet_libraries() -> None:
    """Keep bars and warnings of the libraries underneath from running into our own."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # for when transformers is imported
    if "transformers" in sys.modules:
        from transformers.utils import logging

        quiet: Callable[[], None] = logging.disable_progress_bar
        quiet()
    warnings.simplefilter("ignore", FutureWarning)


@contextmanager
def tuning(steps: int, *, silent: bool) -> Iterator[Callable[[TrainProgress], None]]:
    """A bar with loss, tokens a second and time left."""
    with bar("tuning", steps, silent=silent) as move:

        def show(now: TrainProgress) -> None:
            left = f"{duration(now.seconds_left)} left"
            move(now.step, now.steps, f"tuning: loss {now.loss:.3f}, {now.tokens_per_second:,.0f} tokens/s, {left}")

        yield show


@contextmanager
def measuring(name: str, *, silent: bool) -> Iterator[OnProgress]:
    """A bar with dataset, rate and time left."""
    with bar(f"measuring {name}", None, silent=silent) as move:

        def show(now: EvalProgress) -> None:
            left = "" if now.seconds_left is None else f", {duration(now.seconds_left)} left"
            move(now.done, now.total, f"measuring {name}: {now.task}, {now.rate:,.1f} answers/s{left}")

        yield show


def duration(seconds: float) -> str:
    """`2:05`, `1:02:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
