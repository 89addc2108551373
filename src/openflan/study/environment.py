"""The machine and the versions that a run used, for anyone who wants to repeat it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from openflan import __version__
from openflan.model.precision import default_device, fast_dtype

_PACKAGES = ("torch", "transformers", "tokenizers", "peft", "pyarrow", "numpy")


def environment() -> dict[str, Any]:
    """Versions, machine, devices, and the precision that `fast` stands for here."""
    cuda = torch.cuda.is_available()
    return {
        "openflan": __version__,
        "commit": _commit(),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "devices": torch.cuda.device_count() if cuda else 1,
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "fast dtype": str(fast_dtype(default_device())).removeprefix("torch."),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _commit() -> str | None:
    """The commit of a checkout that openflan runs from, with a mark when it was changed since; None when installed."""
    here = Path(__file__).resolve().parent
    try:
        told = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
        tracked = subprocess.run(
            ["git", "-C", str(here), "ls-files", "--error-unmatch", Path(__file__).name],
            capture_output=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip() if tracked.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
