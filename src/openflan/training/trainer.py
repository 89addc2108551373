"""The training loop.

A step is `tokens_per_step` positions of packed rows. Every process makes the same rows, takes its share, and divides
its summed loss by the number of labelled tokens of the whole step, so the gradient is that of the mean over all of them
however the step is cut into parts and shared. Everything random follows from (seed, step); a checkpoint holds the rest.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from openflan.data.pack import PackedRows
from openflan.data.stream import Position, Step, TrainingRows
from openflan.errors import Stopped
from openflan.files import write_text
from openflan.training.card import model_card
from openflan.training.checkpoint import Checkpoints, Record
from openflan.training.config import TrainConfig, TrainError
from openflan.training.devices import device_kind
from openflan.training.estimate import duration, estimate
from openflan.training.limits import Limits
from openflan.training.loss import loss_for
from openflan.training.metrics import Metrics
from openflan.training.optimizer import learning_rate, make_optimizer
from openflan.training.parallel import World
from openflan.training.place import compute_dtype, exchange, is_sharded, make_trainable, place, precision, whole
from openflan.training.prefetch import prefetch
from openflan.training.proof import prove_isolation
from openflan.training.result import TrainProgress, TrainResult, write_result
from openflan.training.save import save_model
from openflan.training.stopping import exit_status, stop_signals

Card = Callable[..., str]
"""Writes a model card; called with `facts=`, numbers of the run by name."""

_AHEAD = 32
"""Steps of data made ahead of the model."""

_RECENT = 20
"""Steps over which speed is averaged, and after which the forecast is made again from it."""

_WORTH_SAYING = 60.0
"""Seconds left from which on that new forecast is said."""


class Trainer:
    """A training run: model, loss, optimizer, checkpoints and metrics together."""

    def __init__(
        self,
        model: Any,
        rows: TrainingRows,
        config: TrainConfig,
        run: Path,
        here: World,
        identity: Mapping[str, Any],
        say: Callable[[str], None],
        tokenizer: PreTrainedTokenizerBase | None,
    ) -> None:
        self.tokenizer = tokenizer
        self.model, self.rows, self.config, self.run, self.here, self.say = model, rows, config, run, here, say
        self.identity = dict(identity)
        self.share = here.shard(config.rows_per_step)
        self.saved_dtype = model.dtype
        self.adapted = make_trainable(model, config, compute_dtype(config, here.device), tokenizer)
        self.loss = loss_for(model)
        self.module = place(self.loss, model, config, here)
        with precision(config, here):
            prove_isolation(self.module, model, here.device)
        model.train()
        self.limits = Limits(model)
        self.optimizer = make_optimizer(self._trained().values(), config)
        self.checkpoints = Checkpoints(run, config.keep, here, say)
        self.metrics = Metrics(run, config.trackers if here.is_main else (), config.outcome)
        self.position, self.step, self.labelled, self.seconds = Position(), 0, 0, 0.0

    def run_to_end(self, on_progress: Callable[[TrainProgress], None] | None, card: Card | None) -> TrainResult:
        """Resume where there is a checkpoint, take the steps that are left, and save."""
        self._announce()
        self._resume()
        loss, times = math.nan, deque[float](maxlen=_RECENT)
        first = self.step
        steps = self.rows.steps(self.config.rows_per_step, self.position)
        with stop_signals() as told, prefetch(steps, _AHEAD) as batches:
            while self.step < self.config.total_steps:
                began = time.perf_counter()
                loss, status = self._take(next(batches), told())
                times.append(time.perf_counter() - began)
                self.seconds += times[-1]
                now = self._progress(loss, times)
                if on_progress:
                    on_progress(now)
                if self.step == first + _RECENT and now.seconds_left >= _WORTH_SAYING:
                    self.say(f"measured: {now.tokens_per_second:,.0f} tokens/s; {duration(now.seconds_left)} left")
                self._between_steps(status)
        result = self._result(loss)
        save_model(
            self.model,
            self.module,
            self.adapted,
            self.run / "model",
            self.saved_dtype,
            self.here,
            self.tokenizer,
            self.loss.usual,
        )
        self.here.on_main(lambda: self._close(result, card))
        return result

    def _between_steps(self, status: int | None) -> None:
        """Save a checkpoint when it is time; raises `Stopped` after one when there is a `status` to stop with."""
        if self.step == self.config.total_steps:
            return
        every = self.config.checkpoint_every
        if status is not None or (every and self.step % every == 0):
            self._save_checkpoint()
        if status is not None:
            raise Stopped(f"stopped after step {self.step}; the same command goes on from here", status)

    def _close(self, result: TrainResult, card: Card | None) -> None:
        self._write_card(result, card)
        write_result(self.run, result, self.identity)

    def _announce(self) -> None:
        kind = device_kind(self.here.device)
        if self.here.is_main and (kind or self.here.device.type == "cpu"):
            expected = estimate(self.model.config, self.config, device=kind, count=self.here.size)
            for line in expected.lines():
                self.say(line)

    def _write_card(self, result: TrainResult, card: Card | None) -> None:
        base = self.model.name_or_path or type(self.model).__name__
        write = card or partial(model_card, self.config, base=base)
        facts = {"steps": f"{result.step:,}", "tokens": f"{result.tokens:,}", "labelled tokens": f"{result.labelled:,}"}
        write_text(self.run / "model" / "README.md", write(facts={**facts, "last loss": f"{result.loss:.4f}"}))

    def _take(self, batch: Step, told: tuple[bool, ...]) -> tuple[float, int | None]:
        """One optimizer step: its loss (mean over its labelled tokens, in nats), and the status to stop with, if any.

        What the host has to know of it is asked for once, so that a GPU is not kept waiting twice.
        """
        number = self.step + 1
        targets = batch.rows.targets
        if not targets:
            raise TrainError(f"step {number} has no labelled token (window {batch.after.window} of the data)")
        self.limits.check(batch.rows, number)
        torch.manual_seed(_step_seed(self.config.seed, number, self.here.rank))
        summed = self._backward(batch.rows[self.share], targets)
        stops = [summed.new_full((), float(came)) for came in told]
        totals = self.here.sum(torch.stack([summed, *stops]))
        limit = self.config.clip or math.inf
        norm = whole(torch.nn.utils.clip_grad_norm_(list(self._trained().values()), limit))
        loss, *stopping, length = torch.stack([*totals, norm.to(totals)]).tolist()
        loss /= targets
        if not (math.isfinite(loss) and math.isfinite(length)):
            raise TrainError(self._diverged(number, loss, length))
        rate = learning_rate(self.config, number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step, self.position, self.labelled = number, batch.after, self.labelled + targets
        if self.here.is_main:
            tokens = number * self.config.tokens_per_step
            self.metrics.log(number, loss=loss, lr=rate, grad_norm=length, tokens=tokens, labelled=self.labelled)
        return loss, exit_status(tuple(came > 0 for came in stopping))

    def _backward(self, rows: PackedRows, targets: int) -> Tensor:
        """Add up the gradients of this process's rows, a part at a time; returns their summed loss."""
        size = self.config.rows_at_once(len(rows), self.here.device.type)
        summed = torch.zeros((), device=self.here.device)
        for start in range(0, len(rows), size):
            last = start + size >= len(rows)
            part = self.loss.batch(rows[start : start + size], self.here.device)
            with exchange(self.module, self.config, self.here, last), precision(self.config, self.here):
                loss = self.module(part)
                # Processes average their gradients; the sum is wanted.
                (loss * (self.here.size / targets)).backward()
            summed += loss.detach()
        return summed

    def _resume(self) -> None:
        if (found := self.checkpoints.latest()) is None:
            if self.here.is_main:
                self.metrics.rewind(0, self.say)
            return
        path, record = found
        self._fill_optimizer()
        self.checkpoints.load(path, self._state())
        self.step, self.position = record.step, Position(record.window, record.row)
        self.labelled, self.seconds = record.labelled, record.seconds
        if self.here.is_main:
            self.metrics.rewind(record.step, self.say)
        self.say(f"resuming after step {record.step} of {self.config.total_steps}")

    def _save_checkpoint(self) -> None:
        record = Record(self.step, *self.position, self.labelled, self.seconds, self.identity)
        self.checkpoints.save(self._state(), record, sharded=is_sharded(self.config, self.here))

    def _trained(self) -> dict[str, Tensor]:
        return {name: weight for name, weight in self.loss.named_parameters() if weight.requires_grad}

    def _state(self) -> dict[str, Tensor]:
        """Every tensor that the rest of the run follows from, by name."""
        state = {f"weights.{name}": weight.detach() for name, weight in self._trained().items()}
        for name, weight in self._trained().items():
            state |= {f"optimizer.{name}.{key}": value for key, value in self.optimizer.state[weight].items()}
        return state

    def _fill_optimizer(self) -> None:
        """Make the optimizer's state exist, to be read into: a step at rate zero."""
        for group in self.optimizer.param_groups:
            group["lr"] = 0.0
            for weight in group["params"]:
                weight.grad = torch.zeros_like(weight)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _progress(self, loss: float, times: deque[float]) -> TrainProgress:
        seconds = sum(times) / len(times)
        left = (self.config.total_steps - self.step) * seconds
        speed = self.config.tokens_per_step / seconds
        rate = learning_rate(self.config, self.step)
        return TrainProgress(self.step, self.config.total_steps, loss, rate, speed, self.labelled, left)

    def _result(self, loss: float) -> TrainResult:
        tokens = self.step * self.config.tokens_per_step
        return TrainResult(str(self.run / "model"), self.step, loss, tokens, self.labelled, self.seconds)

    def _diverged(self, step: int, loss: float, norm: float) -> str:
        good = self.checkpoints.names()
        what = f"loss of step {step} is {loss}" if not math.isfinite(loss) else f"gradient of step {step} is {norm}"
        return (
            f"the {what}; the weights before it are "
            + (f"in {self.checkpoints.folder / good[-1]}" if good else "those that the run began with")
            + "; lower the learning rate, lengthen the warm-up, or look at the data of this step"
        )


def _step_seed(seed: int, step: int, rank: int) -> int:
    digest = hashlib.sha256(f"step {seed} {step} {rank}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
