"""A made run with its report, and pages of it in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from made_run import FREE, SEEN, SENTIMENT, write_run

from openflan.report.page import write_report


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a held-out cluster, seen datasets, and one dataset without options; `report.html` in it."""
    folder = write_run(tmp_path_factory.mktemp("reported") / "run", made=(*SENTIMENT, *SEEN, FREE))
    write_report(folder)
    return folder


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a report in the browser; whatever it asks for, and every error of its script, is kept on the page."""
    contexts = []

    def open_page(folder: Path, width: int = 1280, **context: Any) -> Any:
        made = browser.new_context(viewport={"width": width, "height": 900}, **context)
        contexts.append(made)
        page = made.new_page()
        page.asked, page.errors = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)
        page.goto((folder / "report.html").as_uri())
        return page

    yield open_page
    for one in contexts:
        one.close()
