"""The real small model, where it has been fetched before."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_model():
    """The folder of SmolLM2-135M-Instruct; tests do not fetch it."""
    folder = Path("~/.cache/openflan/models/smollm2-135m-instruct").expanduser()
    if not (folder / "config.json").is_file():
        pytest.skip(f"the small model is not at {folder}; any openflan command that needs it fetches it")
    return folder
