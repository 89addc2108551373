"""Several people at once on a playground: does everybody get an answer, and how soon does it begin?

    python -m benchmarks.bench_playground runs/quickstart --users 8 --seconds 60

The page's server is started on this machine alone. One person asks an idle server first; then each of `--users` asks
both ways (a written answer of every model, streamed, and a ranking), reads for a moment and asks again, until the time
is over. Reported per model are how many answers came, how many failed, and when their first token came, beside the idle
server's.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from benchmarks.shared import write_results
from openflan.api.playground import open_models, share_processors
from openflan.playground.rows import CatalogRows, Mistakes
from openflan.playground.server import Playground, make_app
from openflan.playground.workshop import Workshop

MOST_USERS, MOST_SECONDS = 32, 600
_PATIENCE = 120.0
"""Seconds that somebody waits for a piece of an answer, at most."""

_INSTRUCTIONS = (
    "What is the capital of Australia?",
    "Review: two hours of fog and people staring at it. Did this critic like the movie?",
    "Rewrite this sentence in the past tense: she walks to the harbour and buys two fish.",
    "Recommend a dish for a cold evening.",
)


def main() -> None:
    """Run the load and write results/playground.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="run folders or model folders, as `openflan playground` takes them")
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--tokens", type=int, default=24, help="tokens of an answer, at most")
    parser.add_argument("--name", default="playground", help="what the results' file is called")
    options = parser.parse_args()
    if not (1 <= options.users <= MOST_USERS and 0 < options.seconds <= MOST_SECONDS):
        parser.error(f"at most {MOST_USERS} users and {MOST_SECONDS} seconds")
    models = open_models(options.models)
    share_processors(len(models.models))
    playground = Playground(models, CatalogRows(), Mistakes([]), Workshop(Path("cards")))
    server = uvicorn.Server(uvicorn.Config(make_app(playground), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        _report(address, list(models.models), options)
    finally:
        server.should_exit = True
        thread.join()


def _report(address: str, models: list[str], options: argparse.Namespace) -> None:
    asked = [_ask(address, model, _INSTRUCTIONS[0], options.tokens) for model in models for _ in range(3)]
    idle = {model: min(one["first"] for one in asked if one["model"] == model) for model in models}
    until = time.monotonic() + options.seconds
    with ThreadPoolExecutor(options.users) as users:
        work = [users.submit(_user, address, models, number, until, options.tokens) for number in range(options.users)]
        answers = [answer for one in work for answer in one.result()]
    rows = [_row(model, idle[model], [one for one in answers if one["model"] == model]) for model in models]
    facts = {"users": options.users, "seconds": options.seconds, "tokens": options.tokens}
    write_results(options.name, rows, list(rows[0]), facts)


def _row(model: str, idle: float, answers: list[dict[str, Any]]) -> dict[str, Any]:
    firsts = sorted(one["first"] for one in answers if not one["error"])
    return {
        "model": model,
        "answers": len(answers),
        "errors": sum(bool(one["error"]) for one in answers),
        "idle first s": idle,
        "median first s": statistics.median(firsts) if firsts else None,
        "p95 first s": firsts[int(0.95 * (len(firsts) - 1))] if firsts else None,
        "worst first s": firsts[-1] if firsts else None,
        "tokens": sum(one["tokens"] for one in answers),
    }


def _user(address: str, models: list[str], number: int, until: float, tokens: int) -> list[dict[str, Any]]:
    """Ask all models at the same time, as the page does, again and again."""
    chance, answers = random.Random(number), list[dict[str, Any]]()
    time.sleep(chance.random())
    with ThreadPoolExecutor(len(models)) as asking:
        while time.monotonic() < until:
            instruction = chance.choice(_INSTRUCTIONS)
            answers += asking.map(lambda model: _ask(address, model, instruction, tokens), models)  # noqa: B023
            time.sleep(chance.uniform(0.5, 2.0))
    return answers


def _ask(address: str, model: str, instruction: str, tokens: int) -> dict[str, Any]:
    body = {"model": model, "instruction": instruction, "max_tokens": tokens, "stream": True}
    answer: dict[str, Any] = {"model": model, "first": None, "tokens": 0, "error": ""}
    began = time.monotonic()
    try:
        with httpx.stream("POST", f"{address}/api/generate", json=body, timeout=_PATIENCE) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                event = json.loads(line)
                answer["first"] = answer["first"] or time.monotonic() - began
                answer["error"] = event["message"] if event["event"] == "error" else ""
                answer["tokens"] = event.get("tokens", 0)
        ranked = {"model": model, "instruction": instruction, "options": ["yes", "no"]}
        httpx.post(f"{address}/api/rank", json=ranked, timeout=_PATIENCE).raise_for_status()
    except httpx.HTTPError as error:
        answer["error"] = str(error) or type(error).__name__
    return answer


if __name__ == "__main__":
    main()
