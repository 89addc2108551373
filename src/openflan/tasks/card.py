"""Cards: one YAML file per dataset that says all there is to know about it, and the typed model it is read into.

`docs/cards.md` is the reference of the format. In short: `sources` say where rows come from and what their columns
are; `fields`, `options` and `answer` say how a row becomes an example; `templates` say how an example becomes a
prompt; `metric`, `licence` and `citation` say the rest. A *variant* (an ANLI round, say) overrides any of the first
three, and so does a *source* whose rows have another layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from openflan.tasks.clusters import check_cluster
from openflan.tasks.metric import read_metric
from openflan.tasks.schema import ColumnType, parse_column_type
from openflan.tasks.slices import Role, Slice, parse_slice

CHECKED = {"checked": True}
"""The context of validation for a card whose texts are known to compile."""

Grade = Literal["A", "B", "C"]

OPTIONS_BLOCK = "options_"
"""The name under which templates place the OPTIONS block."""

ANSWER = "{{ answer }}"
"""The target of a template that asks for the answer itself."""


def _text(source: str, info: ValidationInfo) -> str:
    if info.context is not CHECKED:
        from openflan.tasks.text import compile_value

        compile_value(source)
    return source


Text = Annotated[str, AfterValidator(_text)]
"""A Jinja text, checked to compile."""

FolderName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]
"""A folder inside another, and not one that leads out of it."""

VariantName = Annotated[str, Field(pattern=r"^\w[\w.-]*$")]
"""A variant's name, which folders are called after."""

Column = Annotated[ColumnType, BeforeValidator(parse_column_type)]
Metric = Annotated[str, BeforeValidator(read_metric)]
SplitSlice = Annotated[Slice, BeforeValidator(lambda spec: parse_slice(spec) if isinstance(spec, str) else spec)]


def _named(spec: Any) -> Any:
    """`[premise, hypothesis]` is short for fields that are the columns of those names."""
    if isinstance(spec, list) and all(isinstance(name, str) for name in spec):
        return {name: f"{{{{ {name} }}}}" for name in spec}
    return spec


class Model(BaseModel):
    """A strict, frozen part of a card: unknown keys and coerced types are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True, defer_build=True)


class Hub(Model):
    """Where rows stand on the Hugging Face hub.

    `grade` says how sure it is that the path loads without a script: A maintained loaders use it, B several programs
    do, C expected.
    """

    path: Annotated[str, Field(pattern=r"^\w[\w.-]*(/\w[\w.-]*)?$")]
    name: str | None = None
    data_dir: str | None = None
    revision: str | None = None
    grade: Grade | None = None


class Template(Model):
    """One way to put the task: the input the model reads and the target it is to write.

    `bare` is the input as it is put without the OPTIONS block; where it is absent, that is `input` less the block. An
    `inverted` template turns the task around (it asks for a question, a review, a headline); it is trained on and
    never evaluated.
    """

    input: Text
    bare: Text | None = None
    target: Text = ANSWER
    inverted: bool = False


class ForeignTemplate(Model):
    """A template of promptsource's, kept as it is: one text for input and target, in promptsource's own dialect.

    `jinja` and `choices` are its texts (`openflan.tasks.collections.rendering`). `inverted` are those that do not put
    the dataset's original task; `origin` says where the template stands, for people.
    """

    name: str = Field(min_length=1)
    jinja: str
    choices: str | None = None
    inverted: bool = False
    metrics: list[str] = []
    origin: str = ""

    @model_validator(mode="after")
    def _compiles(self, info: ValidationInfo) -> ForeignTemplate:
        if info.context is not CHECKED:
            from openflan.tasks.collections.rendering import compile_prompt

            compile_prompt(self.jinja, self.choices)
        return self


class Baseline(Model):
    """The untuned model's prompt in the manner of GPT-3: a text to continue, and the strings that are scored.

    `options` maps label names to strings or is absent when the task's own options are scored as they are.
    """

    input: Text
    options: dict[str, Text] | Text | None = None
    target: Text = ANSWER
    stop: list[str] = []


class Layout(Model):
    """How a row of one source becomes an example. All keys may stand in a card, a variant or a source.

    `native` is the row as foreign templates know it: their names of columns, class labels as ids.
    """

    columns: dict[str, Column] = {}
    splits: dict[Role, SplitSlice] = {}
    expand: str | None = None
    unit: Text | None = None
    merge: str | None = None
    prepare: str | None = None
    skip: dict[str, Text] = {}
    fields: Annotated[dict[str, Text], BeforeValidator(_named)] = {}
    native: Annotated[dict[str, Text], BeforeValidator(_named)] = {}
    options: dict[str, Text] | Text | None = None
    answer: Text | None = None
    references: Text | None = None
    group: Text | None = None


LAYOUT_KEYS = frozenset(Layout.model_fields)
_MERGED_KEYS = frozenset({"fields", "native", "skip", "splits"})


class Source(Layout):
    """One place rows can come from, in order of preference, with what is different about its layout.

    `file` is a task file of Natural Instructions, which has its rows inside.
    """

    hub: Hub | None = None
    mirror: FolderName | None = None
    file: str | None = None
    note: str | None = None


class Variant(Layout):
    """One of several datasets that share a card's templates."""

    title: str | None = None
    sources: list[Source] = []


class Card(Layout):
    """All that is known about one dataset."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    cluster: Annotated[str, AfterValidator(check_cluster)]
    figure3: str | None = None
    subcluster: str | None = None
    groups: list[str] = []
    too_close: list[str] = []
    licence: str
    citation: str
    access: str | None = None
    notes: list[str] = []
    metric: Metric
    sources: list[Source] = []
    variants: dict[VariantName, Variant] = {}
    baseline: Baseline | None = None
    templates: list[Template] = []
    foreign: list[ForeignTemplate] = []

    @model_validator(mode="after")
    def _complete(self, info: ValidationInfo) -> Card:
        if info.context is CHECKED:
            return self
        if not (self.templates or self.foreign):
            raise ValueError("templates: the card has none")
        for variant in self.variant_names:
            if not self.layouts(variant):
                raise ValueError(f"variant {variant!r} has no sources" if variant else "the card has no sources")
            for layout in self.layouts(variant):
                _check_layout(layout, variant, answers=bool(self.templates))
        return self

    @cached_property
    def variant_names(self) -> tuple[str, ...]:
        """The variants' names; one empty name when the card has none."""
        return tuple(self.variants) or ("",)

    def layouts(self, variant: str = "") -> list[Source]:
        """The sources of a variant, each with the keys of card, variant and source merged (the source wins)."""
        chosen: Variant | None = self.variants[variant] if variant else None
        sources = (chosen.sources if chosen and chosen.sources else self.sources) or []
        return [_merged(self, chosen, source) for source in sources]

    @property
    def kind(self) -> str:
        """The kind of task: the subcluster where there is one, as the released code splits the miscellaneous."""
        return self.subcluster or self.cluster

    @property
    def forward_templates(self) -> tuple[int, ...]:
        """Numbers of the templates that put the task itself; only these are evaluated (paper section 2.3)."""
        return tuple(number for number, template in enumerate(self.templates) if not template.inverted)


def _merged(*parts: Layout | None) -> Source:
    """Later parts win; `fields`, `skip` and `splits` are merged key by key."""
    values: dict[str, Any] = {}
    for part in parts:
        if part is None:
            continue
        given: Mapping[str, Any] = {key: getattr(part, key) for key in part.model_fields_set & LAYOUT_KEYS}
        for key, value in given.items():
            values[key] = {**values.get(key, {}), **value} if key in _MERGED_KEYS else value
    source = parts[-1]
    assert isinstance(source, Source)
    return source.model_copy(update=values)


def _check_layout(layout: Source, variant: str, *, answers: bool) -> None:
    from openflan.tasks.text import names_in

    where = f"variant {variant!r}: " if variant else ""
    if not layout.columns:
        raise ValueError(f"{where}no columns")
    if not layout.splits:
        raise ValueError(f"{where}no splits")
    if layout.answer is None and answers:
        raise ValueError(f"{where}no answer")
    if layout.unit and not layout.expand and (unknown := names_in(layout.unit) - set(layout.columns)):
        raise ValueError(f"{where}unit: no column is called {', '.join(map(repr, sorted(unknown)))}")
