"""Kill `prepare`, `train`, `eval`, `run` and `study` at random moments, start them again, and compare with whole runs.

    python -m benchmarks.kill_campaign --kills 200 --seed 0

Everything is tiny, on the CPU, and follows from the seed but for the moments themselves, which are a share of the time
that an undisturbed start takes. A start is a fork of this process, which has the libraries loaded already: so it costs
what the work costs, and the kills meet the work. The table is in Markdown, for the page on reliability; the exit
status is 1 when anything was lost.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent

RECIPE = """
description: small enough to be killed often
model: {{path: {model}}}
data: {{tasks: [copa], templates: 2, hold_out: [sentiment], settings: bare}}
format: {{join: eos, input_length: 180, target_length: 64}}
train: {{steps: 40, tokens_per_step: 512, row_length: 256, lr: 1.0e-3, checkpoint_every: 5}}
evaluate: {{tasks: [sst2], rows: 8, templates: [0, 1], generate: none}}
"""

STUDY = """
title: small enough to be killed often
base:
  model: {{path: {model}}}
  data: {{tasks: [commonsense], hold_out: [sentiment]}}
  format: {{join: eos, input_length: 240, target_length: 16}}
  train: {{steps: 20, tokens_per_step: 512, row_length: 256, lr: 1.0e-3, checkpoint_every: 2}}
  evaluate: {{tasks: [sst2], rows: 8, templates: [0, 1], generate: none}}
axes:
  trained: {{values: {{options: {{data: {{settings: options}}}}, bare: {{data: {{settings: bare}}}}}}}}
  templates: {{sets: data.templates, values: [1, 2, 3]}}
"""

VERBS = ("prepare", "train", "eval", "run", "study")

STARTS_AT_MOST = 5
"""A verb that has been started so many times as often as it was to be killed, without an end, does not go forward."""

KILLS_A_RUN = 3


@dataclass
class Tally:
    """What became of one verb: kills by signal, runs that were ended, seconds undisturbed, what was wrong."""

    kills: dict[str, int] = field(default_factory=lambda: {"SIGKILL": 0, "SIGTERM": 0})
    runs: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Verb:
    """A command, with `OUT` where it writes to, and the files there that have to be the same bytes every time."""

    name: str
    arguments: tuple[str, ...]
    same: tuple[str, ...]


def verbs(folder: Path) -> list[Verb]:
    """The commands of the campaign."""
    recipe, study = str(folder / "recipe.yaml"), str(folder / "study.yaml")
    units = ("trainings/*/model/model.safetensors", "evaluations/*/prompts.parquet")
    weights = ("model/model.safetensors", "metrics.jsonl")
    prompts = ("prompts.parquet",)
    return [
        Verb("prepare", ("prepare", recipe, "--rows", "1200", "--workers", "2", "--out", "OUT"), ("shard-*/*",)),
        Verb("train", ("train", recipe, "--out", "OUT"), weights),
        Verb("eval", ("eval", str(folder / "model"), recipe, "--tasks", "sst2", "--out", "OUT"), prompts),
        Verb("run", ("run", recipe, "--out", "OUT"), (*weights, "eval/*/prompts.parquet")),
        Verb("study", ("study", study, "--gpus", "0", "--out", "OUT"), units),
    ]


def start(verb: Verb, out: Path) -> int:
    """Start a verb in a process group of its own; returns its process id."""
    if child := os.fork():
        return child
    status = 70
    try:
        os.setsid()
        log = os.open(out.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        from openflan.cli import main

        status = main([str(out) if word == "OUT" else word for word in verb.arguments])
        sys.stdout.flush()
    finally:
        os._exit(status)


def ended(child: int) -> int:
    """Wait for a process; its exit status, or the signal that ended it, negative."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def digests(verb: Verb, out: Path) -> dict[str, str]:
    """What the files that matter hold."""
    paths = sorted(path for pattern in verb.same for path in out.glob(pattern) if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def whole(verb: Verb, out: Path) -> tuple[dict[str, str], float]:
    """Run a verb to its end; returns what it left, and how long it took."""
    began = time.monotonic()
    if status := ended(start(verb, out)):
        raise SystemExit(f"{verb.name} undisturbed ended with status {status}; see {out.with_suffix('.log')}")
    seconds = time.monotonic() - began
    if not (left := digests(verb, out)):
        raise SystemExit(f"{verb.name} left nothing to compare in {out}")
    return left, seconds


def killed(verb: Verb, out: Path, kills: int, tally: Tally, chance: random.Random) -> int:
    """Kill a verb so many times, then let it end; returns the status of that, or of a start that ended by itself."""
    for _ in range(kills):
        child = start(verb, out)
        time.sleep(tally.seconds * chance.uniform(0.02, 1.0))
        number = chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            break  # it was faster than the first
        # Only the process that was started: its workers have to notice for themselves.
        os.kill(child, number)
        tally.kills[number.name] += 1
        if ended(child) == 0:
            break
    return ended(start(verb, out))


def campaign(verb: Verb, folder: Path, kills: int, chance: random.Random) -> Tally:
    """Spend a number of kills on a verb, a few on each of its runs."""
    expected, seconds = whole(verb, folder / f"{verb.name}-whole")
    tally = Tally(seconds=seconds)
    while (left := kills - sum(tally.kills.values())) > 0 and tally.runs < STARTS_AT_MOST * kills:
        out = folder / f"{verb.name}-{tally.runs:03d}"
        status = killed(verb, out, min(KILLS_A_RUN, left), tally, chance)
        tally.runs += 1
        found = digests(verb, out)
        # Shards are made ahead; a restarted preparation may have made more of them than the first.
        different = [name for name, digest in expected.items() if found.get(name) != digest]
        parts = [path.name for path in out.rglob(".*.part")]
        if status:
            tally.wrong.append(f"{out.name}: the last start ended with status {status}; see {out.with_suffix('.log')}")
        elif different or parts:
            tally.wrong.append(f"{out.name}: " + ", ".join([*(f"{name} differs" for name in different), *parts]))
    return tally


def campaigns(kills: int, seed: int, folder: Path, names: Sequence[str] = VERBS) -> dict[str, Tally]:
    """Share so many kills out among the verbs; `folder` is where everything is made."""
    sys.path.append(str(ROOT / "tests" / "support"))
    os.environ |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "OPENFLAN_CACHE": str(folder / "cache")}
    from tiny_folder import save_tiny_model

    for name in ("api.data", "api.evaluation", "api.training", "report.page", *(f"cli.{name}" for name in VERBS)):
        importlib.import_module(f"openflan.{name}")
    from openflan.data import prepared, shards

    prepared.SHARD = shards.SHARD = 1  # many small parts, so that kills meet several of them
    model = save_tiny_model(folder / "model")
    for name, text in (("recipe.yaml", RECIPE), ("study.yaml", STUDY)):
        (folder / name).write_text(text.format(model=model), encoding="utf-8")
    chosen = [verb for verb in verbs(folder) if verb.name in names]
    return {
        verb.name: campaign(
            verb,
            folder,
            kills * (number + 1) // len(chosen) - kills * number // len(chosen),
            random.Random(f"{seed} {verb.name}"),
        )
        for number, verb in enumerate(chosen)
    }


def table(tallies: dict[str, Tally]) -> str:
    """The campaign's table, in Markdown."""
    lines = [
        "| verb | SIGKILL | SIGTERM | runs | ended as the undisturbed one, bitwise | an undisturbed one takes |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, tally in tallies.items():
        counts = f"{tally.kills['SIGKILL']} | {tally.kills['SIGTERM']} | {tally.runs}"
        lines.append(f"| `{name}` | {counts} | {tally.runs - len(tally.wrong)} | {tally.seconds:.1f} s |")
    return "\n".join(lines)


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="kills of all verbs together (default: 200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbs", nargs="+", default=VERBS)
    parser.add_argument("--out", type=Path, help="an empty folder, to keep what was made")
    options = parser.parse_args()
    with TemporaryDirectory() as passing:
        folder = (options.out or Path(passing) / "kills").resolve()
        folder.mkdir(parents=True)
        tallies = campaigns(options.kills, options.seed, folder, options.verbs)
        found = {name: vars(tally) for name, tally in tallies.items()}
        (folder / "kills.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(table(tallies))
    for tally in tallies.values():
        print("".join(f"\n- {line}" for line in tally.wrong), end="")
    return int(any(tally.wrong for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
