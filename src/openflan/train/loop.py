"""The training loop.

A step is `tokens_per_step` positions of packed rows. Every process makes the same rows, takes its share, and divides
its summed loss by the number of labelled tokens of the whole step, so the gradient is that of the mean over all of them
however the step is cut into parts and shared. Everything random follows from (seed, step); a checkpoint holds the rest.
"""

from __future__ import annotations

import hashlib
import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from openflan.data.pack import PackedRows
from openflan.data.stream import Position, Rows, Step
from openflan.files import write_text
from openflan.model.adapters import add_lora
from openflan.model.load import fast_dtype
from openflan.train.card import model_card
from openflan.train.checkpoint import Checkpoints, Record
from openflan.train.config import TrainConfig, TrainError
from openflan.train.estimate import device_kind, estimate
from openflan.train.loss import loss_for
from openflan.train.metrics import Metrics
from openflan.train.optimizer import learning_rate, make_optimizer
from openflan.train.parallel import World, apply_ddp, apply_fsdp, world
from openflan.train.prefetch import prefetch
from openflan.train.result import Progress, TrainResult, check_resumable, finished, identity, write_result
from openflan.train.save import checkpoint_activations, save_model

__all__ = ["Progress", "TrainResult", "train"]

Card = Callable[..., str]
"""Writes a model card; called with `facts=`, numbers of the run by name."""

_AHEAD = 32
"""Steps of data made ahead of the model."""

_RECENT = 20
"""Steps over which speed is averaged."""


def train(
    model: PreTrainedModel,
    rows: Rows,
    config: TrainConfig,
    run: Path,
    *,
    resume: bool = True,
    on_progress: Callable[[Progress], None] | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
    card: Card | None = None,
    say: Callable[[str], None] = print,
) -> TrainResult:
    """Finetune a model in place on packed rows, and save it to `run/model` as a Hugging Face folder.

    Restarted with the same arguments after a kill, the run goes on from its last checkpoint, and on CPU ends with
    bitwise the same weights. `tokenizer` is saved with the model (default: the one in the folder it was loaded from).
    `card` writes the model card, given `facts=` of the run; `say` gets lines for the person at the terminal. Under
    torchrun every process calls this alike.

    Raises `TrainError` for a run folder of other settings or data, when `resume` is off and there is something to
    resume, for a step without labelled tokens or with a loss that is not finite, and when the disk fails.
    """
    if rows.row_length != config.row_length:
        raise TrainError(f"rows of {rows.row_length} tokens, but row_length is {config.row_length}")
    run.mkdir(parents=True, exist_ok=True)
    with world(model.device) as here:
        if done := finished(run, rows, config, resume):
            return done
        trainer = _Trainer(model, rows, config, run, here, say if here.is_main else _quiet)
        try:
            return trainer.run_to_end(resume, on_progress if here.is_main else None, tokenizer, card)
        finally:
            trainer.metrics.close()


class _Trainer:
    """The parts of a run, joined."""

    def __init__(
        self,
        model: Any,
        rows: Rows,
        config: TrainConfig,
        run: Path,
        here: World,
        say: Callable[[str], None],
    ) -> None:
        self.model, self.rows, self.config, self.run, self.here, self.say = model, rows, config, run, here, say
        self.sharded = config.shard and here.size > 1
        self.share = here.shard(config.rows_per_step)
        self.saved_dtype = model.dtype
        self.compute = _compute_dtype(config, here.device)
        self.adapted = _prepare(model.to(here.device), config, self.compute)
        with self._precision():
            self.loss = loss_for(model)
        model.train()
        self.module = self._wrapped()
        self.optimizer = make_optimizer(self._trained().values(), config)
        self.checkpoints = Checkpoints(run, config.keep, here, say)
        self.metrics = Metrics(run, config.trackers if here.is_main else (), config.outcome)
        self.position, self.step, self.labelled, self.seconds = Position(), 0, 0, 0.0

    def run_to_end(
        self,
        resume: bool,
        on_progress: Callable[[Progress], None] | None,
        tokenizer: PreTrainedTokenizerBase | None,
        card: Card | None,
    ) -> TrainResult:
        """Resume where there is a checkpoint, take the steps that are left, and save."""
        self._announce()
        self._resume(resume)
        loss, times = math.nan, deque[float](maxlen=_RECENT)
        steps = self.rows.steps(self.config.rows_per_step, self.position)
        with _sigterm() as stopping, prefetch(steps, _AHEAD) as batches:
            while self.step < self.config.total_steps:
                began = time.perf_counter()
                loss, stop = self._take(next(batches), stopping())
                times.append(time.perf_counter() - began)
                self.seconds += times[-1]
                if on_progress:
                    on_progress(self._progress(loss, times))
                if stop and self.step < self.config.total_steps:
                    self._save_checkpoint()
                    self.say(f"stopped after step {self.step}; the same command goes on from here")
                    return self._result(loss, finished=False)
                every = self.config.checkpoint_every
                if every and self.step % every == 0 and self.step < self.config.total_steps:
                    self._save_checkpoint()
        result = self._result(loss, finished=True)
        save_model(self.model, self.module, self.adapted, self.run / "model", self.saved_dtype, self.here, tokenizer)
        if self.here.is_main:
            self._write_card(result, card)
            write_result(self.run, result, identity(self.rows, self.config))
        self.here.barrier()
        return result

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

    def _take(self, batch: Step, stopping: bool) -> tuple[float, bool]:
        """One optimizer step: its loss (mean over its labelled tokens, in nats), and whether to stop after it."""
        number = self.step + 1
        targets = batch.rows.targets
        if not targets:
            raise TrainError(f"step {number} has no labelled token (window {batch.after.window} of the data)")
        torch.manual_seed(_step_seed(self.config.seed, number, self.here.rank))
        summed = self._backward(batch.rows[self.share], targets)
        totals = self.here.sum(torch.stack([summed, summed.new_tensor(float(stopping))])).tolist()
        loss = totals[0] / targets
        if not math.isfinite(loss):
            raise TrainError(self._diverged(number, loss))
        limit = self.config.clip or math.inf
        norm: Any = torch.nn.utils.clip_grad_norm_(list(self._trained().values()), limit)
        rate = learning_rate(self.config, number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step, self.position, self.labelled = number, batch.after, self.labelled + targets
        norm = float(norm.full_tensor() if self.sharded else norm)  # on every process: sharded, it is a sum over all
        if self.here.is_main:
            self.metrics.log(number, loss=loss, lr=rate, grad_norm=norm, tokens=self._tokens(), labelled=self.labelled)
        return loss, totals[1] > 0

    def _backward(self, rows: PackedRows, targets: int) -> Tensor:
        """Add up the gradients of this process's rows, a part at a time; returns their summed loss."""
        size = self.config.rows_at_once(len(rows), self.here.device.type)
        summed = torch.zeros((), device=self.here.device)
        for start in range(0, len(rows), size):
            last = start + size >= len(rows)
            part = self.loss.batch(rows[start : start + size], self.here.device)
            with self._exchange(last), self._precision():
                loss = self.module(part)
                # Processes average their gradients; the sum is wanted.
                (loss * (self.here.size / targets)).backward()
            summed += loss.detach()
        return summed

    def _resume(self, resume: bool) -> None:
        if not resume and self.checkpoints.names():
            raise TrainError(f"{self.run} holds checkpoints of an earlier run; resume it, or choose another run folder")
        if (found := self.checkpoints.latest()) is None:
            self.metrics.rewind(0)
            return
        path, record = found
        check_resumable(self.run, {"data": record.data, **record.settings}, identity(self.rows, self.config))
        self._fill_optimizer()
        self.checkpoints.load(path, self._state())
        self.step, self.position = record.step, Position(record.window, record.row)
        self.labelled, self.seconds = record.labelled, record.seconds
        if self.here.is_main:
            self.metrics.rewind(record.step)
        self.say(f"resuming after step {record.step} of {self.config.total_steps}")

    def _save_checkpoint(self) -> None:
        settings = identity(self.rows, self.config)
        data = str(settings.pop("data"))
        record = Record(self.step, *self.position, self.labelled, self.seconds, data, settings)
        self.checkpoints.save(self._state(), record, sharded=self.sharded)

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

    def _wrapped(self) -> Any:
        layers = _layers(self.model)
        if self.config.activation_checkpointing:
            checkpoint_activations(self.model, True)
        if self.config.compile:
            for layer in layers:
                layer.compile()
        if self.sharded:
            return apply_fsdp(self.loss, layers, self.here, self.compute)
        return apply_ddp(self.loss, self.here) if self.here.size > 1 else self.loss

    def _precision(self) -> AbstractContextManager[Any]:
        if self.compute is torch.float32 or self.sharded:
            return nullcontext()
        return torch.autocast(self.here.device.type, self.compute)

    def _exchange(self, last: bool) -> AbstractContextManager[Any]:
        """Exchange gradients among processes after a step's last part only."""
        if self.sharded:
            self.module.set_requires_gradient_sync(last)
        elif self.here.size > 1 and not last:
            quiet: AbstractContextManager[Any] = self.module.no_sync()
            return quiet
        return nullcontext()

    def _tokens(self) -> int:
        return self.step * self.config.tokens_per_step

    def _progress(self, loss: float, times: deque[float]) -> Progress:
        seconds = sum(times) / len(times)
        left = (self.config.total_steps - self.step) * seconds
        speed = self.config.tokens_per_step / seconds
        rate = learning_rate(self.config, self.step)
        return Progress(self.step, self.config.total_steps, loss, rate, speed, self.labelled, left)

    def _result(self, loss: float, *, finished: bool) -> TrainResult:
        folder = str(self.run / "model")
        return TrainResult(folder, self.step, finished, loss, self._tokens(), self.labelled, self.seconds)

    def _diverged(self, step: int, loss: float) -> str:
        good = self.checkpoints.names()
        return (
            f"the loss of step {step} is {loss}; the weights before it are "
            + (f"in {self.checkpoints.folder / good[-1]}" if good else "those that the run began with")
            + "; lower the learning rate, lengthen the warm-up, or look at the data of this step"
        )


def _prepare(model: Any, config: TrainConfig, compute: torch.dtype) -> Any:
    """Make the weights that are trained float32, or add an adapter; returns the adapter's wrapper.

    An adapter's base stays in its own precision, unless it is to be computed in float32.
    """
    if config.adapter is None:
        model.float()
        return None
    if config.shard:
        raise TrainError("an adapter is trained on copies of the model; leave `shard` off")
    if compute is torch.float32:
        model.float()
    return add_lora(model, config.adapter, seed=config.seed)


def _layers(model: PreTrainedModel) -> list[torch.nn.Module]:
    """The blocks that a model is made of, as its own class names them."""
    names = set(model._no_split_modules or ())
    return [module for module in model.modules() if type(module).__name__ in names]


def _compute_dtype(config: TrainConfig, device: torch.device) -> torch.dtype:
    if config.dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if config.dtype == "fast":
        return fast_dtype(device)
    return torch.bfloat16 if config.dtype == "bfloat16" else torch.float32


def _step_seed(seed: int, step: int, rank: int) -> int:
    digest = hashlib.sha256(f"step {seed} {step} {rank}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


@contextmanager
def _sigterm() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM has come, while the block runs; only the main thread can know."""
    received = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield received.is_set
        return
    before = signal.signal(signal.SIGTERM, lambda *_: received.set())
    try:
        yield received.is_set
    finally:
        signal.signal(signal.SIGTERM, before)


def _quiet(_: str) -> None:
    """What the other processes say."""
