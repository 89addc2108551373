"""From a row to an example: fields, options and answer, as the card says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import UndefinedError

from openflan.data.order import hash64
from openflan.letters import nfc, same_in
from openflan.tasks.card import Source, Text
from openflan.tasks.prepare import Row, SkipRow, function
from openflan.tasks.registry import Task
from openflan.tasks.schema import NoGoldLabel, WrongValue
from openflan.tasks.text import Names, TextError, compile_text, compile_value


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled example, before any wording.

    `options` is empty for free-form tasks; otherwise `answer` is one of them. `references` holds every gold answer
    (`answer` among them). `labels` are the class names behind `options`, where the card maps them. `group` joins
    examples that one metric judges together (MultiRC's answers to one question). `row` is the row's position in its
    split's table. `native` is the row as foreign templates know it. Answer, options and references have no white space
    at their edges; a dataset that has foreign templates alone has none of the three, since each template says its own.
    """

    task: Task
    row: int
    fields: Mapping[str, Any]
    options: tuple[str, ...]
    answer: str
    references: tuple[str, ...]
    labels: tuple[str, ...] = ()
    group: str | None = None
    native: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The example's identity, 16 hex digits that follow from its content and not from where its row stands."""
        fields = [f"{name}={value!r}" for name, value in sorted(self.fields.items())]
        return f"{hash64(self.task.name, *fields, 'options', *self.options, 'answer', self.answer):016x}"


class ExampleReader:
    """Turns rows of one layout into examples."""

    def __init__(self, task: Task, layout: Source) -> None:
        self.task, self.layout = task, layout
        self._prepare = function(layout.prepare) if layout.prepare else None
        self._skips = [(reason, compile_value(condition)) for reason, condition in layout.skip.items()]
        self._fields = [(name, compile_value(text)) for name, text in layout.fields.items()]
        self._native = [(name, compile_value(text)) for name, text in layout.native.items()]
        self._options = _Options(layout.options)
        self._answer = None if layout.answer is None else compile_value(layout.answer)
        self._references = compile_value(layout.references) if layout.references else None
        self._group = compile_text(layout.group) if layout.group else None

    def columns(self, row: Row) -> Row:
        """The row's columns in the card's terms; raises `SkipRow` for a null, a wrong value or a missing label."""
        read: dict[str, Any] = {}
        for name, kind in self.layout.columns.items():
            try:
                read[name] = kind.read(row.get(name))
            except NoGoldLabel as error:
                raise SkipRow(f"{name}: {error}") from None
            except WrongValue as error:
                raise SkipRow(f"{name}: {'null' if str(error) == 'null' else 'wrong value'}") from None
        return read

    def read(self, row: Row, position: int) -> Example:
        """Make an example of a row whose columns are in the card's terms; raises `SkipRow` with the reason."""
        names: dict[str, Any] = dict(row)
        try:
            if self._prepare:
                names.update(self._prepare(row))
            for reason, condition in self._skips:
                if condition(names):
                    raise SkipRow(reason)
            fields = {name: value(names) for name, value in self._fields}
            native = {name: given for name, value in self._native if (given := value(row)) is not None}
            if self._answer is None:
                return Example(self.task, position, fields or native, (), "", (), native=native)
            names.update(fields)
            labels, options = self._options(names)
            names["options"] = options
            gold = str(self._answer(names)).strip()
            answer = options[labels.index(gold)] if labels and gold in labels else same_in(gold, options)
            names.setdefault("answer", answer)  # for `references`; a column of that name stays what it is
            references = [same_in(text, [answer, *options]) for text in self._golds(names) if text]
            group = self._group(names) if self._group else None
        except (TextError, UndefinedError) as error:
            raise SkipRow(f"unresolved: {error}") from None
        _check_answer(labels, options, gold, answer)
        golds = tuple(dict.fromkeys(references if answer in references else [answer, *references]))
        return Example(self.task, position, fields, tuple(options), answer, golds, labels, group, native)

    def _golds(self, names: Names) -> list[str]:
        golds = self._references(names) if self._references else []
        return _texts([golds] if isinstance(golds, str) else golds, "references")


@dataclass
class _Options:
    """The options of a row: fixed or per row, with the label names behind them where the card maps them."""

    spec: Mapping[str, Text] | Text | None
    _labels: tuple[str, ...] = ()
    _texts: list[Callable[[Names], Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if isinstance(self.spec, Mapping):
            self._labels = tuple(self.spec)
            self._texts = [compile_text(text) for text in self.spec.values()]
        elif self.spec is not None:
            self._texts = [compile_value(self.spec)]

    def __call__(self, names: Names) -> tuple[tuple[str, ...], list[str]]:
        if self.spec is None:
            return (), []
        if self._labels:
            return self._labels, [text(names).strip() for text in self._texts]
        return (), _texts(self._texts[0](names), "options")


def _texts(values: Any, what: str) -> list[str]:
    """The texts of a list, without white space at their edges; nulls go."""
    if not isinstance(values, list | tuple):
        raise SkipRow(f"{what} are no list")
    return [str(value).strip() for value in values if value is not None]


def _check_answer(labels: tuple[str, ...], options: list[str], gold: str, answer: str) -> None:
    if not answer.strip():
        raise SkipRow("empty answer")
    if not all(options):
        raise SkipRow("an option is empty")
    if options and (answer not in options or (labels and gold not in labels)):
        raise SkipRow("answer is not one of the options")
    if len({nfc(" ".join(option.split())) for option in options}) < len(options):
        raise SkipRow("two options are the same")
