"""The linter's checks of what a card makes of rows: the rows themselves, and every template's prompts."""

from __future__ import annotations

from collections.abc import Iterator

from openflan.data.example import Example
from openflan.data.lint.examples import check_examples, check_skipped
from openflan.data.lint.foreign import check_foreign_prompts
from openflan.data.lint.joins import check_joins
from openflan.data.lint.prompts import check_prompts
from openflan.data.prompt import TemplateWriter, writers
from openflan.data.rows import Role, load_rows
from openflan.data.sources import RowSource
from openflan.errors import MissingRowsError, SchemaError
from openflan.tasks.lint import CardFile, Finding
from openflan.tasks.registry import Task

__all__ = ["lint_rows"]

PROMPTS, EXAMPLES = 40, 400
"""Examples per role that are rendered, and that are checked."""

_ROLES: tuple[Role, ...] = ("train", "dev", "test")


def lint_rows(file: CardFile, source: RowSource, *, required: bool) -> list[Finding]:
    """All that is wrong with a card's examples and prompts on rows of `source`, in the order of its lines.

    A card without rows there is only a finding when they are `required`.
    """
    found: dict[tuple[str, int | None], Finding] = {}
    for variant in file.card.variant_names:
        task = Task(file.card, variant)
        for finding in _task(file, task, source, required):
            found.setdefault((finding.code, finding.template), finding)
    return sorted(found.values())


def _task(file: CardFile, task: Task, source: RowSource, required: bool) -> Iterator[Finding]:
    examples: list[Example] = []
    for role in _ROLES:
        if not any(role in layout.splits for layout in task.layouts):
            continue
        try:
            rows = load_rows(task, role, source)
        except SchemaError as error:
            yield file.finding("FLN021", str(error), "sources")
            return
        except MissingRowsError as error:
            if required:
                yield file.finding("FLN020", str(error), "name")
            continue
        yield from check_skipped(file, rows)
        read = rows.examples(range(min(EXAMPLES, len(rows))))
        for writer, key in _writers(task):
            yield from check_prompts(file, writer, key, read[:PROMPTS])
        yield from check_foreign_prompts(file, task, read[:PROMPTS])
        examples += read
    yield from check_examples(file, examples)
    yield from check_joins(file, examples)


def _writers(task: Task) -> list[tuple[TemplateWriter, str]]:
    """Every template's writer and, for templates with a bare form of their own, that one's; each with its key."""
    bare = [(writer, "bare") for writer in writers(task, options=False) if writer.template.bare is not None]
    return [*((writer, "input") for writer in writers(task)), *bare]
