"""Reads rows from the hub in a process of its own, since the hub's libraries fix their address when imported.

One JSON request a line comes in, `{"card": path, "splits": [...], ...}`, and one answer a line goes out.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from openflan.data import hub
from openflan.errors import OpenflanError
from openflan.tasks.cardfile import read_card
from openflan.tasks.registry import Task


def answer(request: dict[str, Any]) -> dict[str, Any]:
    hub.SPLIT_LIMIT = request.get("limit", hub.SPLIT_LIMIT)
    try:
        opened = hub.HubSource().open(Task(read_card(Path(request["card"])), request.get("variant", "")))
        rows = {split: opened.table(split).to_pylist() for split in request["splits"]}
    except OpenflanError as error:
        return {"error": type(error).__name__, "message": str(error), "datasets": "datasets" in sys.modules}
    return {
        "origin": opened.origin,
        "corpus": opened.corpus,
        "available": opened.splits(),
        "rows": rows,
        "datasets": "datasets" in sys.modules,
    }


def main() -> None:
    if "--patient" not in sys.argv:
        # The waits between tries and the patience with a silent server are cut short; how often is tried stays.
        sleep = time.sleep
        time.sleep = lambda seconds: sleep(min(seconds, 0.01))
        hub._SILENCE = 0.3
    for line in sys.stdin:
        started = time.monotonic()
        given = answer(json.loads(line))
        print(json.dumps({**given, "seconds": time.monotonic() - started}), flush=True)


if __name__ == "__main__":
    main()
