"""Prompts and mixtures, for a script or a notebook; imports neither torch nor transformers until a model is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from openflan.api.progress import bar
from openflan.api.views import Table, Tabled, frame
from openflan.data.mixture import Mixture
from openflan.data.prompt import Prompt
from openflan.data.rows import Role, load_rows
from openflan.data.select import DataConfig, LoadedRows, Selection, make_mixture, select, training_rows
from openflan.data.settings import PRESETS
from openflan.data.sources import parse_source
from openflan.errors import UnknownNameError
from openflan.recipe import make_recipe
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import load_catalog
from openflan.wording import counted

if TYPE_CHECKING:
    import pandas

    from openflan.data.encode import Format
    from openflan.data.pack import PackedRows
    from openflan.data.stream import Stream

Names = str | Sequence[str]
_MARK = "▶ "
"""Before what is labelled."""


@dataclass(frozen=True)
class Prompts(Sequence[Prompt]):
    """Prompts that print as the model meets them; `▶` marks what is labelled in training and ranked in evaluation."""

    prompts: Sequence[Prompt]
    origin: str = ""

    def __len__(self) -> int:
        return len(self.prompts)

    def __getitem__(self, index: Any) -> Any:
        return self.prompts[index]

    def __str__(self) -> str:
        return "\n\n".join(f"{headline(one)}\n{one.input}\n{_MARK}{one.target}" for one in self.prompts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(
            f"<p><small>{escape(headline(one))}</small></p><pre>{escape(one.input)}\n"
            f"<mark>{escape(one.target)}</mark></pre>"
            for one in self.prompts
        )

    def to_pandas(self) -> pandas.DataFrame:
        """A row per prompt: dataset, writer, block, row, input, target, options, references, inverted."""
        return frame([as_data(one) for one in self.prompts])


def show(
    dataset: str,
    *,
    template: int | str | None = None,
    rows: int = 1,
    source: str = "samples",
    split: Role | None = None,
    bare: bool = False,
    carve: bool = False,
    cards: Sequence[str | Path] = (),
) -> Prompts:
    """A dataset's prompts on real rows.

    `dataset` is one of the catalog (or of `cards`), or `dataset:variant`. `template` is a template's number from 0, or
    `baseline`, `plain` or `name`; all templates when None. `bare` leaves the OPTIONS block out. `split` is the role of
    the rows: test, where there is one, when None. Raises `UnknownNameError` and `MissingRowsError`.

    >>> of.show("rte", template=0)[0].options
    ('yes', 'no')
    """
    task = load_catalog(*map(Path, cards)).tasks(dataset)[0]
    kind = str(template) if template is not None else None
    named = kind if kind is not None and kind in PRESETS else "bare" if bare else "options"
    setting = PRESETS[named]
    writers = [one for one in setting.writers_of(task) if kind is None or kind in PRESETS or one.name == kind]
    if not writers:
        last = len(task.card.templates) - 1
        raise UnknownNameError(f"{task.name} has no template {kind!r}; use 0 to {last}, baseline, plain or name")
    roles = {role for layout in task.layouts for role in layout.splits}
    found = load_rows(task, split or ("test" if "test" in roles else "train"), parse_source(source), carve=carve)
    prompts: list[Prompt] = []
    for example in found.examples(range(min(rows, len(found)))):
        for writer in writers:
            try:
                prompts.append(writer.write(example))
            except SkipRow as reason:
                prompts.append(Prompt(task.name, writer.name, example.row, f"({reason})", ""))
    return Prompts(prompts, found.origin)


class HeldOut(tuple[str, ...]):
    """Names of the tasks that a mixture holds out, with the data section that says where their rows come from."""

    config: DataConfig


@dataclass(frozen=True, repr=False)
class MixtureView(Tabled):
    """A mixture that is ready to train on, with its table and what it leaves out."""

    config: DataConfig
    selection: Selection
    rows: LoadedRows
    mixture: Mixture

    @property
    def table(self) -> Table:
        """One line per dataset: rows, rate, probability, and what a round draws of it."""
        shares = share_table(self.mixture, self.config.rate_cap)
        return replace(shares, notes=[*shares.notes, *self.hold_out_in_words])

    @property
    def hold_out_in_words(self) -> list[str]:
        """What is held out and what is left out with it, in sentences; none where nothing is."""
        held: dict[str, list[str]] = {}
        for name in self.config.hold_out:
            held[name] = [task.name for task in self.config.catalog().tasks(name) if task.name != name]
        kept = {task.name for task in self.selection.held_out}
        others = [f"{name} ({reason})" for name, reason in self.left_out.items() if name not in kept]
        sentences = []
        if held:
            parts = [f"{name} ({', '.join(tasks)})" if tasks else name for name, tasks in held.items()]
            sentences.append(f"Held out: {', '.join(parts)}")
        if others:
            sentences.append(f"Not trained on either: {', '.join(others)}")
        return sentences

    @property
    def held_out(self) -> HeldOut:
        """The tasks that are held out and have test rows by their cards: what `evaluate` takes."""
        tasks = [one for one in self.selection.held_out if any("test" in layout.splits for layout in one.layouts)]
        names = HeldOut(task.name for task in tasks)
        names.config = self.config
        return names

    @property
    def left_out(self) -> dict[str, str]:
        """What is not trained on, by name, with the reason."""
        return self.selection.left_out

    @property
    def missing(self) -> dict[str, str]:
        """What has no rows in the source, by name, with what to do about it."""
        return self.rows.missing

    def prompts(self, start: int = 0, stop: int = 10) -> Prompts:
        """Examples number `start` to `stop` of the mixture, as they are trained on."""
        return Prompts(self.mixture.prompts(start, stop))

    def pack(
        self,
        model: str = "smollm2-135m-instruct",
        *,
        row_length: int = 512,
        examples: int = 2048,
        format: Format | None = None,
    ) -> Packed:
        """The first `examples` of the mixture as packed rows of `row_length` tokens, in the model's own format.

        Raises `ModelError`.
        """
        stream = self._stream(model, row_length, examples, format)
        rows = stream.rows(0)
        return Packed(rows, stream.dropped, stream.redrawn)

    def to_datasets(
        self,
        model: str = "smollm2-135m-instruct",
        *,
        examples: int | None = None,
        row_length: int = 512,
        format: Format | None = None,
    ) -> Any:
        """The first `examples` of the mixture (one round when None) as a `datasets.Dataset`, in mixture order.

        It has text and token ids in the model's own format, the loss mask, and where each example comes from
        (`openflan.interop.export.examples.COLUMNS`). Raises `ModelError`, and `OpenflanError` without the package
        `datasets`.

        >>> of.mixture("copa", silent=True).to_datasets("tiny", examples=20)[0]["task"]
        'copa'
        """
        from openflan.data.stream import WINDOW
        from openflan.interop.export.examples import exported
        from openflan.interop.export.hf_datasets import as_dataset

        wanted = examples or self.mixture.round
        stream = self._stream(model, row_length, min(WINDOW, wanted), format)
        return as_dataset(exported(stream, self.mixture, wanted))

    def _stream(self, model: str, row_length: int, window: int, format: Format | None) -> Stream:
        from openflan.api.progress import fetch_model
        from openflan.data.stream import Stream
        from openflan.model.encoder import encoder_for
        from openflan.study.format import default_format

        folder = fetch_model(model)
        return Stream(
            self.mixture,
            encoder_for(folder, format or default_format(folder, row_length)),
            row_length,
            seed=self.config.seed,
            window=window,
            long_targets=self.config.long_targets,
        )


@dataclass(frozen=True)
class Packed:
    """Packed rows; `dropped` and `redrawn` count examples by "dataset: reason" (see `openflan.data.stream.Stream`)."""

    rows: PackedRows
    dropped: Counter[str]
    redrawn: Counter[str]

    @property
    def tokens(self) -> Any:
        """Token ids: int32, shape [rows, row length], 0 where padded."""
        return self.rows.tokens

    @property
    def fill(self) -> float:
        """The share of positions that hold a token, from 0 to 1."""
        return self.rows.filled / self.rows.tokens.size if self.rows.tokens.size else 0.0

    def __repr__(self) -> str:
        count, length = self.rows.tokens.shape
        return f"{counted(count, 'row')} of {length:,} tokens, {self.fill:.1%} filled, {self.rows.targets:,} labelled"


def mixture(tasks: Names = "flan62", *, silent: bool = False, **data: Any) -> MixtureView:
    """A mixture of tasks: presets, clusters, datasets or `dataset:variant`.

    Further keywords are the keys of a recipe's `data` section, such as `hold_out="sentiment"`,
    `source="mirror:DIR"`, `settings={"options": 1, "bare": 1}` or `cards=["my_card.yaml"]`. Raises `RecipeError` for a
    wrong key, `OverlapError` for training on what is held out, and `MissingRowsError`.

    >>> mix = of.mixture("commonsense", hold_out="sentiment", silent=True)
    >>> mix.held_out
    ('imdb', 'sentiment140', 'sst2', 'yelp_polarity')
    >>> [line["dataset"] for line in mix.table]
    ['copa', 'hellaswag', 'piqa', 'story_cloze']
    """
    return load_mixture(make_recipe(data={"tasks": tasks, **data}).data, silent=silent)


def load_mixture(config: DataConfig, *, silent: bool = False) -> MixtureView:
    """The mixture of a recipe's data section, its rows loaded; raises as `mixture` does."""
    selection = select(config)
    with bar("reading rows", len(selection.train), silent=silent) as move:
        done: Iterator[int] = iter(range(1, len(selection.train) + 1))
        rows = training_rows(config, selection.train, lambda _: move(next(done)))
    return MixtureView(config, selection, rows, make_mixture(config, rows))


def share_table(mixture: Mixture, rate_cap: int, examples: int | None = None) -> Table:
    """The table of a mixture for a run of `examples` draws (default: one round)."""
    shares = mixture.shares(examples)
    columns = ["cluster", "dataset", "rows", "unusable", "rate", "share", "templates", "draws", "epochs"]
    cells = [
        (
            one.cluster, one.name, one.rows, one.skipped or None, one.rate, f"{one.probability:.2%}", one.templates,
            round(one.draws), one.epochs,
        )
        for one in shares
    ]  # fmt: skip
    notes = [
        f"{counted(len(shares), 'dataset')}, {counted(sum(share.rows for share in shares), 'row')}; "
        f"one round is {counted(mixture.round, 'draw')}; "
        f"rate = min(rows, {rate_cap:,}); fingerprint {mixture.fingerprint}"
    ]
    settings = shares[0].settings
    if list(settings) != ["options"]:
        notes.append("Prompts are put as: " + ", ".join(f"{name} {share:.0%}" for name, share in settings.items()))
    return Table("Mixture", columns, cells, notes)


def as_data(prompt: Prompt) -> dict[str, Any]:
    """A prompt as plain data."""
    return {
        "dataset": prompt.dataset,
        "writer": prompt.writer,
        "block": prompt.block,
        "row": prompt.row,
        "input": prompt.input,
        "target": prompt.target,
        "options": list(prompt.options),
        "references": list(prompt.references),
        "inverted": prompt.inverted,
    }


def headline(prompt: Prompt) -> str:
    """What stands above a printed prompt: dataset, writer and row."""
    how = f"template {prompt.writer}" if prompt.writer.isdecimal() else prompt.writer
    kind: Literal["", ", inverted"] = ", inverted" if prompt.inverted else ""
    return f"── {prompt.dataset} · {how}{kind} · row {prompt.row}"
