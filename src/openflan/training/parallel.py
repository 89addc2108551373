"""One process or several: this one's rank, the model's weights over all of them, and sums."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from openflan.errors import OpenflanError
from openflan.model.precision import default_device
from openflan.training.config import TrainError

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The processes of a run: this one's rank, how many there are, and the device it works on."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0

    def shard(self, rows: int) -> slice:
        """The share of a step's rows that this process takes."""
        if rows % self.size:
            raise TrainError(
                f"a step of {rows} rows cannot be shared by {self.size} processes; make tokens_per_step a multiple of "
                f"{self.size} times row_length"
            )
        share = rows // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def sum(self, values: Tensor) -> Tensor:
        """The values summed over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def on_main(self, work: Callable[[], T]) -> T:
        """What the first process's work gives, or the error it ends with, on every process alike."""
        if self.size == 1:
            return work()
        done: list[Any] = [None, None]
        if self.is_main:
            try:
                done[0] = work()
            except OpenflanError as error:
                done[1] = error
        dist.broadcast_object_list(done, src=0, device=self.device)
        if done[1] is not None:
            raise done[1]
        result: T = done[0]
        return result

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in their order, on every one."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def send(self, into: Tensor, value: Tensor | None) -> None:
        """Copy the first process's `value` into a tensor of every process."""
        if value is not None:
            into.copy_(value)
        if self.size > 1:
            dist.broadcast(into, src=0)

    def barrier(self) -> None:
        """Wait until every process has come here."""
        if self.size > 1:
            dist.barrier()


def is_main_process() -> bool:
    """Whether this is the process that writes what is written once, as torchrun numbers them."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def world(device: torch.device | None = None) -> Iterator[World]:
    """The processes that torchrun started (this one alone, without it), joined while the block runs.

    Each has a GPU of its own where there are any (or `device` is one): enter this before anything is put on a device.
    """
    device = default_device() if device is None else device
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    joined = not dist.is_initialized()
    if joined:
        on_gpu = device.type == "cuda"
        dist.init_process_group("nccl" if on_gpu else "gloo", device_id=device if on_gpu else None)
    try:
        yield World(dist.get_rank(), dist.get_world_size(), device)
    finally:
        if joined:
            dist.destroy_process_group()


def apply_fsdp(module: torch.nn.Module, layers: list[torch.nn.Module], here: World, dtype: torch.dtype) -> Any:
    """Share a module's weights and optimizer state among processes (FSDP2), layer by layer, in place.

    Weights stay in their own precision between steps; layers compute in `dtype`.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(here.device.type, (here.size,))
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    for layer in layers:
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    return fully_shard(module, mesh=mesh, mp_policy=policy)


def apply_ddp(module: torch.nn.Module, here: World) -> torch.nn.Module:
    """The module with its gradients averaged over processes that each hold a copy."""
    devices = [here.device] if here.device.type == "cuda" else None
    return torch.nn.parallel.DistributedDataParallel(module, device_ids=devices, find_unused_parameters=False)
