"""Checkpoints: written whole, verified when read, the last few kept.

    run/checkpoints/step-00000500/
        *.safetensors    trained weights and optimizer state, one file or one per process
        record.json      the step, the position in the data, the settings, the sum of each file and its own

The tensors go through `torch.distributed.checkpoint` in its safetensors layout, so what several processes have saved in
shards loads on any other number of them, and nothing is pickled.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from openflan.sums import DamageError, Sums, damage, read_sealed, sums_of, write_sealed
from openflan.training.config import TrainError
from openflan.training.parallel import World

RECORD, FOLDER = "record.json", "checkpoints"


@dataclass(frozen=True)
class Record:
    """What a checkpoint knows besides its tensors.

    `labelled` counts the labelled tokens trained on so far; `settings` are the run's `identity`.
    """

    step: int
    window: int
    row: int
    labelled: int
    seconds: float
    settings: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run; every process holds one of these and calls it together with the others."""

    def __init__(self, run: Path, keep: int, here: World, say: Callable[[str], None]) -> None:
        self.run, self.folder, self.keep, self.here, self.say = run, run / FOLDER, keep, here, say

    def save(self, state: Mapping[str, Tensor], record: Record, *, sharded: bool) -> None:
        """Write a checkpoint beside the others and drop the oldest; raises `TrainError` when the disk fails."""
        final = self.folder / f"step-{record.step:08d}"
        partial = final.with_name(f".{final.name}.part")
        try:
            if self.here.is_main:
                if not self.run.is_dir():
                    raise FileNotFoundError(f"{self.run} is gone")
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
            self.here.barrier()
            if sharded:
                writer = HuggingFaceStorageWriter(str(partial), save_distributed=True)
                save(dict(state), storage_writer=writer)
            elif self.here.is_main:
                save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, partial / _FILE)
            files = self._sums(partial)
            if self.here.is_main:
                write_sealed(partial / RECORD, {**asdict(record), "files": files})
                shutil.rmtree(final, ignore_errors=True)
                partial.rename(final)
                _sync(self.folder)
                self._prune()
        except (OSError, SafetensorError, CheckpointException) as error:
            with suppress(OSError):
                shutil.rmtree(partial)
            good = self.names()
            raise TrainError(
                f"the checkpoint of step {record.step} could not be written: {error}. "
                + (f"{good[-1]} is whole; " if good else "There is none yet; ")
                + "make room and run the same command again"
            ) from None
        self.here.barrier()

    def latest(self) -> tuple[Path, Record] | None:
        """The newest checkpoint whose files are what was written, and its record; names damaged ones."""
        found = self._newest_whole()
        if found is None:
            return None
        fields = read_sealed(self.folder / found / RECORD)
        del fields["files"]
        return self.folder / found, Record(**fields)

    def load(self, path: Path, state: Mapping[str, Tensor]) -> None:
        """Read tensors in place; they may be sharded over the processes differently from when they were saved."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*torch.distributed is .*")
            load(dict(state), storage_reader=HuggingFaceStorageReader(str(path)))

    def names(self) -> list[str]:
        """The checkpoints on disk, oldest first."""
        return checkpoints_in(self.run)

    def _sums(self, folder: Path) -> Sums:
        """The sums of a checkpoint's files, each of them read by the process that has written it."""
        mine = [path.name for path in folder.glob(f"shard-{self.here.rank + 1:05d}-*.safetensors")]
        for name in mine:
            _sync(folder / name)
        return {name: found for some in self.here.gather(sums_of(folder, mine)) for name, found in some.items()}

    def _newest_whole(self) -> str | None:
        names = self.here.on_main(self.names)
        for name in reversed(names):
            found = self.here.gather(damage_of(self.folder / name, self.here.rank, self.here.size))
            if (damage := next(filter(None, found), None)) is None:
                return name
            self.say(f"{name} is damaged ({damage}); going back to the one before it")
        if names:
            raise TrainError(f"every checkpoint in {self.folder} is damaged; remove the folder to start again")
        return None

    def _prune(self) -> None:
        for name in self.names()[: -self.keep]:
            shutil.rmtree(self.folder / name, ignore_errors=True)


def checkpoints_in(run: Path) -> list[str]:
    """The names of a run's checkpoints, oldest first."""
    return sorted(path.name for path in (run / FOLDER).glob("step-*"))


def damage_of(checkpoint: Path, rank: int = 0, size: int = 1) -> str | None:
    """What is wrong with a checkpoint's files, or None; process `rank` of `size` looks at its share of them."""
    try:
        record = read_sealed(checkpoint / RECORD)
        Record(**{name: value for name, value in record.items() if name != "files"})
        return damage(checkpoint, dict(list(record["files"].items())[rank::size]))
    except DamageError as error:
        return str(error)
    except (KeyError, TypeError):
        return f"{RECORD} is of another version of openflan"


_FILE = "shard-00001-model-00001-of-00001.safetensors"


def _sync(path: Path) -> None:
    """Flush a file's contents, or a folder's renames, to disk, so that they survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
