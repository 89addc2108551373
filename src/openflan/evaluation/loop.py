"""Running an evaluation: every prompt of a configuration is scored by a model, once, and written down with its scores.

Prompts with options are ranked: the option with the highest sum of log-probabilities is the choice, the first of
equals (paper section 2.3; no length normalisation unless asked for). Prompts without are answered
greedily. An evaluation that was stopped goes on where it was when it is started again on the same folder.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from openflan.data.order import hash64
from openflan.data.prompt import Prompt
from openflan.evaluation.analysis.blocks import prediction
from openflan.evaluation.metrics import Judged, is_correct, metric
from openflan.evaluation.prompts import EvalConfig, Item, PlannedEvaluation, TaskPlan
from openflan.evaluation.results import Results, ScoreLog, read_results, writing_results
from openflan.evaluation.scoring.interface import Failure, Ranking, RankRequest, Scorer
from openflan.evaluation.scoring.normalise import Normalisation, normalised, without_input
from openflan.files import locked
from openflan.tasks.registry import Task


@dataclass(frozen=True)
class EvalProgress:
    """How far an evaluation is: questions answered of about `total`, `reused` of them found in the log."""

    task: str
    done: int
    total: int
    reused: int
    seconds: float

    @property
    def rate(self) -> float:
        """Questions per second that the model answered in this run."""
        return (self.done - self.reused) / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this rate; None when nothing is known yet."""
        return (self.total - self.done) / self.rate if self.rate else None


_Answer = TypeVar("_Answer")
OnProgress = Callable[[EvalProgress], None]


def evaluate(
    plan: PlannedEvaluation,
    scorer: Scorer,
    out: Path,
    *,
    identity: Mapping[str, Any],
    on_progress: OnProgress = lambda progress: None,
) -> Results:
    """Score the prompts of a plan and write them, with the plan's notes, to the folder `out`.

    `identity` says what gives the answers (`name`, model, format, …): scores of one identity are never taken for
    another's. Raises `ResultsError` when `out` holds another identity's scores.
    """
    config, notes = plan.config, list(plan.notes)
    with locked(out, "openflan eval"), ScoreLog(out, identity) as log:
        if log.damage:
            notes.append(log.damage)
        meter = _Meter(sum(one.questions for one in plan.tasks), on_progress)
        with writing_results(out, identity, asdict(config), notes) as write:
            for one in plan.tasks:
                items = list(one.items(scorer.encoder))
                _answer(items, config, scorer, log, meter.of(one))
                write(_rows(one.task, items, config, log))
    return read_results(out)


@dataclass
class _Meter:
    """Counts questions; each task's estimate is replaced by its true number as soon as that is known."""

    total: int
    report: OnProgress
    done: int = 0
    reused: int = 0
    task: TaskPlan | None = None
    start: float = field(default_factory=time.monotonic)

    def of(self, task: TaskPlan) -> _Meter:
        """From here on, count for this task."""
        self.task = task
        return self

    def found(self, count: int, reused: int) -> None:
        """The task has `count` questions, `reused` of which are answered already."""
        assert self.task is not None
        self.total += count - self.task.questions
        self.reused += reused
        self.tick(reused)

    def tick(self, count: int = 1) -> None:
        """Count answered questions."""
        assert self.task is not None
        self.done += count
        seconds = time.monotonic() - self.start
        self.report(EvalProgress(self.task.task.name, self.done, self.total, self.reused, seconds))


def _answer(items: Sequence[Item], config: EvalConfig, scorer: Scorer, log: ScoreLog, meter: _Meter) -> None:
    """Ask the scorer for what is not in the log yet."""
    ranks = {_rank_key(request): request for item in items for request in _rank_requests(item.prompt, config)}
    writes: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for item in items:
        if item.is_written:
            writes[item.stop][_write_key(item, config)] = item.prompt.input
    questions = [*ranks, *(key for group in writes.values() for key in group)]
    meter.found(len(questions), sum(key in log for key in questions))

    # Everything is handed over, with what is known of it: batches follow from all of it, so that a resumed evaluation
    # computes the very same numbers.
    for key, answer in _asked(list(ranks), log, lambda known: scorer.rank(list(ranks.values()), known)):
        log.add(key, _failure(answer) if isinstance(answer, Failure) else _checked(answer.logprobs, answer.tokens))
        meter.tick()
    for stop, group in writes.items():
        inputs = list(group.values())
        write = partial(scorer.generate, inputs, config.max_tokens, stop)
        for key, text in _asked(list(group), log, write):
            log.add(key, _failure(text) if isinstance(text, Failure) else {"text": text})
            meter.tick()


def _asked(
    keys: Sequence[str], log: ScoreLog, ask: Callable[[Container[int]], Iterator[tuple[int, _Answer]]]
) -> Iterator[tuple[str, _Answer]]:
    """The answers that are not in the log, by key; the model is not called when all are."""
    known = {number for number, key in enumerate(keys) if key in log}
    return ((keys[number], answer) for number, answer in ask(known)) if len(known) < len(keys) else iter(())


def _rank_requests(prompt: Prompt, config: EvalConfig) -> list[RankRequest]:
    """The options, whose right one gives the loss too; else the right answer alone, when its loss is wanted.

    A second request asks for the options after an empty input, which `pmi` takes away; options that many prompts share
    cost it once.
    """
    if config.ranks(prompt):
        request = RankRequest(prompt.input, prompt.options)
        return [request, without_input(request)]
    return [RankRequest(prompt.input, (prompt.target,))] if config.loss else []


def _rank_key(request: RankRequest) -> str:
    return f"{hash64('rank', request.input, *request.options):016x}"


def _write_key(item: Item, config: EvalConfig) -> str:
    return f"{hash64('write', item.prompt.input, config.max_tokens, *item.stop):016x}"


def _failure(failure: Failure) -> dict[str, str]:
    return {"failure": failure.reason}


def _checked(logprobs: Sequence[float], tokens: Sequence[int]) -> dict[str, Any]:
    if any(math.isnan(value) for value in logprobs):
        return {"failure": "a log-probability is not a number"}
    return {"logprobs": [round(value, 6) for value in logprobs], "tokens": list(tokens)}


def _rows(task: Task, items: Sequence[Item], config: EvalConfig, log: ScoreLog) -> list[dict[str, Any]]:
    rows = []
    for item in items:
        ranked, *alone = [log[_rank_key(request)] for request in _rank_requests(item.prompt, config)] or [{}]
        answer = {**ranked, "unconditional": [value for one in alone for value in one.get("logprobs", [])]}
        if item.is_written:
            answer |= log[_write_key(item, config)]
        rows.append(_row(task, item, config.normalise, answer))
    return rows


def _choice(options: Sequence[str], answer: Mapping[str, Any], how: Normalisation) -> str | None:
    """The option with the highest number, the first of equals; None where the options were not (all) scored."""
    logprobs, tokens, alone = answer.get("logprobs", []), answer.get("tokens", []), answer["unconditional"]
    if not options or len(logprobs) != len(options) or (how == "pmi" and not alone):
        return None
    values = normalised(Ranking(logprobs, tokens), options, how, Ranking(alone, tokens))
    return options[values.index(max(values))]


def _row(task: Task, item: Item, how: Normalisation, answer: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the results (`openflan.evaluation.results.SCHEMA`)."""
    prompt, logprobs, tokens = item.prompt, answer.get("logprobs", []), answer.get("tokens", [])
    ranked = len(prompt.options) > 0 and len(logprobs) == len(prompt.options)
    gold = prompt.options.index(prompt.target) if ranked else 0
    row = {
        "dataset": task.card.name,
        "variant": task.variant,
        "direction": item.direction,
        "cluster": task.card.cluster,
        "metric": task.card.metric,
        "split": item.role,
        "setting": item.setting,
        "writer": prompt.writer,
        "block": prompt.block,
        "example": prompt.example_id,
        "row": prompt.row,
        "group": prompt.group,
        "shots": item.shots,
        "shortened": item.shortened,
        "prompt": prompt.input,
        "options": list(prompt.options),
        "target": prompt.target,
        "references": list(prompt.references),
        "logprobs": logprobs if ranked else [],
        "tokens": tokens if ranked else [],
        "unconditional": answer["unconditional"],
        "choice": _choice(prompt.options, answer, how),
        "generated": answer.get("text"),
        "target_logprob": logprobs[gold] if logprobs else None,
        "target_tokens": tokens[gold] if tokens else None,
        "failure": answer.get("failure"),
    }
    said = prediction(row)
    return {**row, "score": None if said is None else _score(task, prompt, said)}


def _score(task: Task, prompt: Prompt, said: str) -> float:
    """The metric on this prompt alone, or whether the answer is right where it takes a whole set to have the metric."""
    scorable = metric(task.card.metric)
    if not scorable.per_prompt:
        return 100 * is_correct(said, prompt.references)
    judged = Judged(said, prompt.references, prompt.options, prompt.group)
    return scorable.scores([judged])[scorable.primary]
