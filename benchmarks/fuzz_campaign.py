"""Damage everything that openflan reads, and see how it ends: taken, refused in a sentence, or badly.

    python -m benchmarks.fuzz_campaign --inputs 20000 --seed 0

Every input follows from the seed and its number. Each is read in a process of its own kind, which may take so much
processor time and memory and no more; what ends such a process is counted too, and the campaign goes on. The table is
in Markdown, for the page on reliability; the exit status is 1 when anything ended badly.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import Progress

from benchmarks.fuzz_inputs import damaged
from benchmarks.fuzz_targets import DATA, Target
from openflan.errors import OpenflanError, Stopped

SECONDS = 20
"""Processor time for one input."""

MEGABYTES = 2048
"""Memory for one input, beyond what the process holds already."""

GOOD = ("sentence", "accepted")
BAD = ("traceback", "hang", "memory", "crash")


@dataclass
class Tally:
    """How the inputs of one target ended, in how much processor time; `wrong` names the inputs of each bad end."""

    ends: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    wrong: dict[str, list[int]] = field(default_factory=dict)

    def add(self, number: int, end: str, told: str) -> None:
        """Count one input."""
        self.ends[end] += 1
        if end in BAD:
            self.wrong.setdefault(f"{end}: {told}", []).append(number)


def campaign(inputs: int, seed: int, folder: Path, targets: Sequence[Target]) -> dict[str, Tally]:
    """Read so many damaged inputs, shared out among the targets; `folder` is where they are made."""
    shares = sum(target.share for target in targets)
    tallies = {}
    with Progress(console=Console(stderr=True), transient=True) as bar:
        for target in targets:
            place = folder / target.name.replace(" ", "-")
            place.mkdir(parents=True)
            target.make(place)
            tally = tallies[target.name] = Tally()
            count = max(1, round(inputs * target.share / shares))
            began = _spent()
            for number, end, told in bar.track(_ends(target, place, count, seed), count, description=target.name):
                tally.add(number, end, told)
            tally.seconds = _spent() - began
    return tallies


def every_target() -> tuple[Target, ...]:
    """Those of the data half, and those of models."""
    from benchmarks.fuzz_models import MODELS

    return (*DATA, *MODELS)


def one_input(target: Target, folder: Path, number: int, seed: int) -> tuple[str, str]:
    """How one input ends, in this process: the kind of end, and what was said."""
    chance = random.Random(f"{seed} {target.name} {number}")
    name, structure = chance.choice(target.files)
    path = folder / name
    sound = path.read_bytes()
    path.write_bytes(damaged(chance, sound, structure))
    try:
        target.read(folder)
        return "accepted", ""
    except (OpenflanError, Stopped, SystemExit) as error:
        return "sentence", str(error)
    except MemoryError as error:
        return "memory", _place(error)
    except BaseException as error:  # libraries in Rust have errors that are no `Exception`
        return "traceback", f"{type(error).__name__} {_place(error)}: {str(error)[:100]}"
    finally:
        path.write_bytes(sound)


def _spent() -> float:
    """Seconds of processor time of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _place(error: BaseException) -> str:
    """Where in openflan an error came from."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if "/openflan/" in frame.filename]
    return f"at {own[-1].filename.rpartition('/openflan/')[2]}:{own[-1].lineno}" if own else "elsewhere"


def _ends(target: Target, folder: Path, inputs: int, seed: int) -> Iterator[tuple[int, str, str]]:
    """The ends of a target's inputs; a process reads one after the other for as long as it lives."""
    following = 0
    while following < inputs:
        for number, end, told in _in_child(target, folder, range(following, inputs), seed):
            following = number + 1
            yield number, end, told


def _in_child(target: Target, folder: Path, numbers: range, seed: int) -> Iterator[tuple[int, str, str]]:
    reading, writing = os.pipe()
    sys.stdout.flush()
    if not (child := os.fork()):
        os.close(reading)
        _read_all(target, folder, numbers, seed, writing)
    os.close(writing)
    following = numbers.start
    with os.fdopen(reading, encoding="utf-8") as lines:
        for line in lines:
            following += 1
            yield tuple(json.loads(line))
    _, status = os.waitpid(child, 0)
    if following < numbers.stop:
        for name, sound in target.sound.items():
            (folder / name).write_bytes(sound)
        ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        yield following, "hang" if ended == signal.SIGPROF else "crash", f"signal {ended}" if ended else "exit"


def _read_all(target: Target, folder: Path, numbers: range, seed: int, writing: int) -> None:
    """The child: it says how each input ended, and never returns."""
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + MEGABYTES * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        with os.fdopen(writing, "w", encoding="utf-8", errors="replace") as lines:
            for number in numbers:
                signal.setitimer(signal.ITIMER_PROF, SECONDS)
                end, told = one_input(target, folder, number, seed)
                lines.write(json.dumps([number, end, told[:300] if end in BAD else ""]) + "\n")
                lines.flush()
    finally:
        os._exit(0)


def table(tallies: dict[str, Tally]) -> str:
    """The campaign's table, in Markdown."""
    total: Counter[str] = sum((tally.ends for tally in tallies.values()), Counter())
    head = "| what is read | inputs | a sentence | taken | " + " | ".join(BAD) + " | processor time |"
    lines = [head, "|---|" + "---:|" * (4 + len(BAD))]
    whole = Tally(total, sum(tally.seconds for tally in tallies.values()))
    for name, tally in {**tallies, "**all**": whole}.items():
        counts = [tally.ends.total(), *(tally.ends[end] for end in (*GOOD, *BAD))]
        lines.append(f"| {name} | " + " | ".join(f"{count:,}" for count in counts) + f" | {tally.seconds:.0f} s |")
    return "\n".join(lines)


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", nargs="+", help="some of them only")
    parser.add_argument("--out", type=Path, help="keep the outcome as JSON")
    options = parser.parse_args()
    chosen = [target for target in every_target() if not options.targets or target.name in options.targets]
    with TemporaryDirectory() as folder:
        os.environ["OPENFLAN_CACHE"] = f"{folder}/cache"
        tallies = campaign(options.inputs, options.seed, Path(folder), chosen)
    print(table(tallies))
    for name, tally in tallies.items():
        for told, numbers in tally.wrong.items():
            print(f"\n- {name}, {len(numbers)} times, the first is input {numbers[0]}: {told}", end="")
    print()
    if options.out:
        found: dict[str, Any] = {name: {"ends": tally.ends, "wrong": tally.wrong} for name, tally in tallies.items()}
        options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(any(tally.wrong for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
