"""A small world to evaluate in: two datasets on disk, an encoder over words, and a scorer that looks things up."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from openflan.data.encode import Chat, Encoder, Format
from openflan.data.order import uniform
from openflan.data.rows import load_rows
from openflan.data.sources import MirrorSource
from openflan.evaluation.scoring.interface import Failure, Ranking
from openflan.tasks.card import Card
from openflan.tasks.registry import Task

WEATHER = Task(
    Card.model_validate(
        {
            "name": "weather",
            "title": "Weather",
            "cluster": "nli",
            "licence": "none",
            "citation": "none",
            "metric": "accuracy",
            "sources": [{"mirror": "weather", "columns": {"day": "string", "label": "string"}}],
            "splits": {"train": "train", "dev": "dev", "test": "test"},
            "fields": ["day"],
            "options": {"wet": "yes", "dry": "no"},
            "answer": "{{ label }}",
            "baseline": {"input": "{{ day }} rain:", "options": {"wet": "true", "dry": "false"}},
            "templates": [
                {"input": "{{ day }}\nDid it rain?\n{{ options_ }}"},
                {"input": "Say a day when it rained: {{ answer }}", "target": "{{ day }}", "inverted": True},
                {"input": "Rain on this day? {{ day }}\n{{ options_ }}"},
            ],
        }
    )
)
CAPITALS = Task(
    Card.model_validate(
        {
            "name": "capitals",
            "title": "Capitals",
            "cluster": "closed_book_qa",
            "licence": "none",
            "citation": "none",
            "metric": "trivia_qa",
            "sources": [{"mirror": "capitals", "columns": {"country": "string", "city": "string"}}],
            "splits": {"train": "train", "test": "test"},
            "fields": ["country"],
            "answer": "{{ city }}",
            "baseline": {"input": "Q: capital of {{ country }}?\nA:", "stop": ["\n"]},
            "templates": [{"input": "What is the capital of {{ country }}?"}, {"input": "{{ country }}. Capital:"}],
        }
    )
)


def write_rows(root: Path, count: int = 40) -> None:
    for split in ("train", "dev", "test"):
        days = [{"day": f"{split} day {n}", "label": "wet" if n % 4 else "dry"} for n in range(count)]
        cities = [{"country": f"{split} land {n}", "city": f"The City {n}"} for n in range(count)]
        for name, rows in (("weather", days), ("capitals", cities)):
            folder = root / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def loader(root: Path):
    source = MirrorSource(root, "test")
    return lambda task, role: load_rows(task, role, source)


def word_encoder(join: str = "newline", **limits: int) -> Encoder:
    """Every run of letters, and every other character, is a token."""
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = Split(Regex(r"\w+|\W"), "isolated")
    return Encoder(tokenizer, Format(join=join, **limits), eos=0, chat=Chat("<", ">"))


class FakeScorer:
    """Knows the answers with probability `skill`, decided by a hash of the input; answers in reverse order."""

    def __init__(self, skill: float = 1.0, answers=None, join: str = "newline", stop_after: int | None = None):
        self.skill, self.answers, self.encoder = skill, answers or {}, word_encoder(join)
        self.asked: list = []
        self.stops: set = set()
        self.stop_after = stop_after

    def _count(self, what):
        if self.stop_after is not None and len(self.asked) >= self.stop_after:
            raise KeyboardInterrupt
        self.asked.append(what)

    def _knows(self, text):
        return uniform("skill", text.rsplit("\n\n\n", 1)[-1]) < self.skill

    def rank(self, requests, known=()):
        for number, request in reversed(list(enumerate(requests))):
            if number in known:
                continue
            self._count(request)
            if "unspeakable" in request.input:
                yield number, Failure("too long")
                continue
            best = self._right(request) if self._knows(request.input) else 1 - self._right(request)
            count = len(request.options)
            yield number, Ranking([-1.0 if n == best else -2.5 for n in range(count)], [1, 2][:count])

    def generate(self, inputs, max_tokens=256, stop=(), known=()):
        self.stops.add(tuple(stop))
        for number, text in reversed(list(enumerate(inputs))):
            if number in known:
                continue
            self._count(text)
            land = text.rsplit("land ", 1)[-1].split("?")[0].split(".")[0]
            yield number, f"city {land}" if self._knows(text) else "no idea"

    def _right(self, request):
        """Every fourth day is dry (see `write_rows`), and dry is the second option."""
        digits = re.findall(r"\d+", request.input)
        return 1 if digits and int(digits[-1]) % 4 == 0 else 0


@pytest.fixture
def weather() -> Task:
    return WEATHER


@pytest.fixture
def capitals() -> Task:
    return CAPITALS


@pytest.fixture
def fake_scorer() -> type[FakeScorer]:
    return FakeScorer


@pytest.fixture
def words() -> Callable[..., Encoder]:
    return word_encoder


@pytest.fixture
def rows_at() -> Callable[..., Callable]:
    """Write rows of both datasets to a folder, and load them from there."""

    def write(root: Path, count: int = 40):
        write_rows(root, count)
        return loader(root)

    return write
