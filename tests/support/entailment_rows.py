"""Rows of the small entailment card of `conftest.py`, for the linter's tests."""

from typing import Any

BLOCK = "\n\n{{ options_ }}"
FREE: dict[str, Any] = {"options": None, "answer": "{{ hypothesis }}"}
"""Changes that make the small card a free-form task."""

PER_ROW: dict[str, Any] = {"options": "{{ premise.split('|') }}", "answer": "{{ hypothesis }}"}
"""Changes that make it a task with options of each row's own."""


def row(premise: Any = "It rains.", hypothesis: str = "it is wet", label: int = 0) -> dict[str, Any]:
    """Return one row."""
    return {"premise": premise, "hypothesis": hypothesis, "label": label}
