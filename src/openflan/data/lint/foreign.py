"""The linter's checks of what foreign templates make of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from openflan.data.example import Example
from openflan.data.foreign import ForeignWriter, foreign_writers
from openflan.data.prompt import Prompt
from openflan.errors import CardError
from openflan.tasks.lint import CardFile, Finding
from openflan.tasks.lint.foreign import foreign_finding
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task


def check_foreign_prompts(file: CardFile, task: Task, examples: Sequence[Example]) -> Iterator[Finding]:
    """Templates that no row fills, and those that list choices and answer with something else."""
    try:
        writers = foreign_writers(task)
    except CardError:  # which the check of the card has told of
        return
    for writer in writers if examples else ():
        written, dropped = _written(writer, examples)
        if not written:
            message = f"{writer.name!r}: none of {len(examples)} rows fills it; {dropped.most_common(1)[0][0]}"
            yield foreign_finding(file, "FLN042", message, writer.number)
        elif writer.template.choices and not writer.inverted and (odd := [one for one in written if not one.options]):
            message = f"{writer.name!r}: the target of {len(odd)} of {len(written)} prompts is none of the choices"
            shown = f"{message}, such as row {odd[0].row}: {odd[0].target[:60]!r}"
            yield foreign_finding(file, "FLN043", shown, writer.number)


def _written(writer: ForeignWriter, examples: Sequence[Example]) -> tuple[list[Prompt], Counter[str]]:
    written, dropped = [], Counter[str]()
    for example in examples:
        try:
            written.append(writer.write(example))
        except SkipRow as reason:
            dropped[str(reason)] += 1
    return written, dropped
