"""Kill `prepare`, `train`, `eval`, `run` and `study` at random moments, start them again, and compare with whole runs.

    python benchmarks/kill_campaign.py --kills 40 --seed 0 --out /tmp/kills

Everything is tiny, on the CPU, and follows from the seed but for the moments themselves, which are a share of the time
that an undisturbed start takes. The table is in Markdown, for the page on reliability; the exit status is 1 when
anything was lost.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent

RECIPE = """
description: small enough to be killed often
model: {{path: {model}}}
data: {{tasks: [commonsense], hold_out: [sentiment]}}
format: {{join: eos, input_length: 240, target_length: 16}}
train: {{steps: 60, tokens_per_step: 512, row_length: 256, lr: 1.0e-3, checkpoint_every: 5}}
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

STARTS_AT_MOST = 50
"""A verb that has been killed and started so often without an end does not go forward."""


@dataclass
class Tally:
    """What became of one verb."""

    kills: int = 0
    starts: int = 0
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
    return [
        Verb("prepare", ("prepare", recipe, "--rows", "400", "--workers", "2", "--out", "OUT"), ("shard-*/*",)),
        Verb("train", ("train", recipe, "--out", "OUT"), weights),
        Verb("eval", ("eval", str(folder / "model"), recipe, "--tasks", "sst2", "--out", "OUT"), ("prompts.parquet",)),
        Verb("run", ("run", recipe, "--out", "OUT"), weights),
        Verb("study", ("study", study, "--gpus", "0", "--out", "OUT"), units),
    ]


def start(verb: Verb, out: Path) -> subprocess.Popen[bytes]:
    """Start a verb in a process group of its own."""
    command = [sys.executable, "-m", "openflan", *(str(out) if word == "OUT" else word for word in verb.arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"), "CUDA_VISIBLE_DEVICES": ""}
    with out.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)


def digests(verb: Verb, out: Path) -> dict[str, str]:
    """What the files that matter hold."""
    paths = sorted(path for pattern in verb.same for path in out.glob(pattern) if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def whole(verb: Verb, out: Path) -> tuple[dict[str, str], float]:
    """Run a verb to its end; returns what it left, and how long it took."""
    began = time.monotonic()
    if status := start(verb, out).wait():
        raise SystemExit(f"{verb.name} undisturbed ended with status {status}; see {out.with_suffix('.log')}")
    seconds = time.monotonic() - began
    if not (left := digests(verb, out)):
        raise SystemExit(f"{verb.name} left nothing to compare in {out}")
    return left, seconds


def killed(verb: Verb, out: Path, kills: int, seconds: float, chance: random.Random) -> tuple[int, str | None]:
    """Kill a verb up to so many times, then let it end; returns the kills that met it alive, and what is wrong."""
    met = 0
    for _ in range(kills):
        process = start(verb, out)
        time.sleep(seconds * chance.uniform(0.1, 1.0))
        # Only the process that was started: its workers have to notice for themselves.
        if process.poll() is None:
            process.send_signal(chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
            met += 1
        if process.wait() == 0:
            break
    if status := start(verb, out).wait():
        return met, f"the last start ended with status {status}; see {out.with_suffix('.log')}"
    return met, None


def campaign(verb: Verb, folder: Path, kills: int, chance: random.Random) -> Tally:
    """Spend a number of kills on a verb, a few on each of its runs."""
    expected, seconds = whole(verb, folder / f"{verb.name}-whole")
    tally = Tally(seconds=seconds)
    while tally.kills < kills and tally.starts < STARTS_AT_MOST:
        out = folder / f"{verb.name}-{tally.starts:03d}"
        met, wrong = killed(verb, out, min(3, kills - tally.kills), seconds, chance)
        tally.kills += met
        tally.starts += 1
        if wrong is None:
            found = digests(verb, out)
            # Shards are made ahead; a restarted preparation may have made more of them than the first.
            different = [name for name, digest in expected.items() if found.get(name) != digest]
            wrong = f"{', '.join(different)} differ" if different else None
        if wrong:
            tally.wrong.append(f"{out.name}: {wrong}")
    return tally


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="kills for each verb (default: 20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbs", nargs="+", default=["prepare", "train", "eval", "run", "study"])
    parser.add_argument("--out", type=Path, required=True, help="an empty folder")
    options = parser.parse_args()
    folder = options.out.resolve()
    folder.mkdir(parents=True)
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "support")]
    from tiny_folder import save_tiny_model

    model = save_tiny_model(folder / "model")
    for name, text in (("recipe.yaml", RECIPE), ("study.yaml", STUDY)):
        (folder / name).write_text(text.format(model=model), encoding="utf-8")
    tallies = {}
    for verb in verbs(folder):
        if verb.name in options.verbs:
            tallies[verb.name] = campaign(verb, folder, options.kills, random.Random(f"{options.seed} {verb.name}"))
    print("| verb | kills | runs | ended as the undisturbed one, bitwise | undisturbed |\n|---|---|---|---|---|")
    for name, tally in tallies.items():
        good = tally.starts - len(tally.wrong)
        print(f"| `{name}` | {tally.kills} | {tally.starts} | {good} | {tally.seconds:.0f} s |")
    for tally in tallies.values():
        print("".join(f"\n- {line}" for line in tally.wrong), end="")
    result = {name: vars(tally) for name, tally in tallies.items()}
    (folder / "kills.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(any(tally.wrong for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
