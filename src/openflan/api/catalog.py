"""The catalog: its cards, their licences, what the linter finds in them, and whether a source has their rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openflan.api.progress import bar
from openflan.api.views import Table, Tabled
from openflan.data.select import select
from openflan.data.sources import SAMPLES, RowSource, parse_source
from openflan.errors import CardError, OpenflanError, UnknownNameError
from openflan.files import write_text
from openflan.recipe import Recipe, make_recipe
from openflan.tasks.card import Card
from openflan.tasks.registry import CATALOG, load_catalog

if TYPE_CHECKING:
    from openflan.data.doctor import Check
    from openflan.tasks.lint import CardFile

_GENERATED_TEST_ROWS = 10_000
"""Rows of the test split, as many as a module of the authors' interpolation set has."""


@dataclass(frozen=True, repr=False)
class CatalogView(Tabled, Sequence[Card]):
    """Cards that print as a table."""

    cards: Sequence[Card]

    def __len__(self) -> int:
        return len(self.cards)

    def __getitem__(self, index: Any) -> Any:
        return self.cards[index]

    @property
    def table(self) -> Table:
        """A line per card: cluster, variants, options, metric, templates, where rows can be had, licence."""
        columns = ("cluster", "dataset", "variants", "options", "metric", "templates", "rows from", "licence")
        rows = [
            (
                card.cluster,
                card.name,
                ", ".join(card.variants),
                _options_in_words(card),
                card.metric,
                _counts_in_words(card),
                ", ".join(row_places(card)),
                card.licence,
            )
            for card in self.cards
        ]
        counted = sum(card.figure3 is not None for card in self.cards)
        templates = sum(len(card.templates or card.foreign) for card in self.cards)
        note = f"{len(rows)} datasets, {counted} of the paper's 62; {templates} templates (forward + inverted)"
        return Table("", columns, rows, [note])

    def to_dicts(self) -> list[dict[str, Any]]:
        """The cards as plain data, templates and citations included."""
        return [describe(card) for card in self.cards]


def catalog(*names: str, cards: Sequence[str | Path] = ()) -> CatalogView:
    """The cards that presets, clusters, datasets or `dataset:variant` name; all when there are no names.

    `cards` are files or folders of cards of your own. Raises `UnknownNameError` and `CardError`.

    >>> [card.name for card in of.catalog("commonsense")]
    ['copa', 'hellaswag', 'piqa', 'story_cloze']
    """
    tasks = load_catalog(*cards).selection(names or "all")
    return CatalogView(list({task.card.name: task.card for task in tasks}.values()))


def licences(tasks: str | Sequence[str] = "flan62", **data: Any) -> Table:
    """Licence and citation of every dataset that a mixture trains on; takes the keywords of `openflan.mixture`.

    >>> [line["dataset"] for line in of.licences("sentiment")]
    ['imdb', 'sentiment140', 'sst2', 'yelp_polarity']
    """
    return recipe_licences(make_recipe(data={"tasks": tasks, **data}))


def recipe_licences(recipe: Recipe) -> Table:
    """Licence and citation of every dataset that a recipe trains on."""
    cards = {task.card.name: task.card for task in select(recipe.data).train}.values()
    note = "A model tuned on this mixture rests on all of these; unknown means that nobody stated one."
    rows = [(card.name, card.licence, card.citation) for card in cards]
    return Table("Licences", ("dataset", "licence", "citation"), rows, [note])


@dataclass(frozen=True)
class LintResult:
    """What the linter found: how many cards it read, and its findings, a line each."""

    cards: int
    findings: Sequence[str]

    def __repr__(self) -> str:
        count = len(self.findings)
        cards = f"{self.cards} card{'s' * (self.cards != 1)}"
        return "\n".join([*self.findings, f"{cards}, {count or 'no'} finding{'s' * (count != 1)}"])


def lint(*cards: str | Path, source: str = "samples") -> LintResult:
    """Check cards and their templates: files, folders, datasets, clusters, or another collection (`promptsource:DIR`).

    The whole catalog when none is named.

    `source` has the rows that prompts are checked on. Raises `UnknownNameError` for what is not there.

    >>> of.lint("copa")
    1 card, no findings
    """
    rows = parse_source(source)
    named = [file for one in cards or ("all",) for file in _card_files(str(one))]
    paths = list({one if isinstance(one, Path) else (one.path, one.card.name): one for one in named}.values())
    findings = [line for one in paths for line in _findings(one, rows, source != "samples" or _is_ours(one))]
    return LintResult(len(paths), findings)


def _is_ours(named: Path | CardFile) -> bool:
    return isinstance(named, Path) and named.is_relative_to(CATALOG)


def doctor(*names: str, source: str = "samples", cards: Sequence[str | Path] = (), silent: bool = False) -> list[Check]:
    """Whether a source has the rows of every card, in its layout: one `openflan.data.doctor.Check` per task.

    Raises `UnknownNameError`, and `RecipeError` for a source that there is not; missing rows are no error here.

    >>> [check.state for check in of.doctor("copa", silent=True)]
    ['there']
    """
    from openflan.data.doctor import check

    tasks, rows = load_catalog(*cards).selection(names or "all"), parse_source(source)
    checks = []
    with bar("checking rows", len(tasks), silent=silent) as move:
        for number, task in enumerate(tasks):
            move(number, title=task.name)
            checks.append(check(task, rows))
    return checks


def make_rows(dataset: str, mirror: str | Path, rows: int = 40_000) -> dict[Path, int]:
    """Make the rows of a dataset that no open copy has, in a mirror's folder; returns each file's count of rows.

    The same rows every time. Raises `UnknownNameError` for any dataset but `math_dataset`, and `OpenflanError` for a
    folder that has files already.

    >>> [path.name for path in of.make_rows("math_dataset", "mirror", rows=20)]
    ['train.jsonl', 'test.jsonl']
    """
    from openflan.data.math_rows import TEST_ENTROPY, linear_equations

    if dataset != "math_dataset":
        raise UnknownNameError(f"no rows can be made for {dataset!r}; only for math_dataset")
    if rows < 1:
        raise OpenflanError(f"--rows {rows}: at least one row")
    folder = Path(mirror).expanduser() / dataset
    if folder.is_dir() and any(folder.iterdir()):
        raise OpenflanError(f"{folder} has files already; remove the folder to make its rows again")
    train = linear_equations(rows, seed=0)
    known = {row["question"] for row in train}
    test = [row for row in linear_equations(_GENERATED_TEST_ROWS, 1, TEST_ENTROPY) if row["question"] not in known]
    files = {folder / "train.jsonl": train, folder / "test.jsonl": test}
    for path, made in files.items():
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made))
    return {path: len(made) for path, made in files.items()}


def describe(card: Card) -> dict[str, Any]:
    """A card as plain data."""
    return {
        "name": card.name,
        "title": card.title,
        "cluster": card.cluster,
        "subcluster": card.subcluster,
        "figure3": card.figure3,
        "variants": list(card.variants),
        "options": _options(card),
        "metric": card.metric,
        "templates": [
            {"id": number, "input": template.input, "target": template.target, "inverted": template.inverted}
            for number, template in enumerate(card.templates)
        ],
        "licence": card.licence,
        "citation": card.citation,
        "available": row_places(card),
    }


def row_places(card: Card) -> list[str]:
    """Where rows can be had: the bundled samples, the hub, or only a mirror of one's own."""
    layouts = [layout for variant in card.variant_names for layout in card.layouts(variant)]
    folders = [card.name, *(f"{card.name}_{variant}" for variant in card.variants)]
    places = ["samples"] if any((SAMPLES / name).is_dir() for name in folders) else []
    return places + (["hub"] if any(layout.hub for layout in layouts) else []) + ["mirror"]


def _counts_in_words(card: Card) -> str:
    """Forward and inverted templates, foreign ones where there are no others."""
    inverted = sum(one.inverted for one in card.templates or card.foreign)
    return f"{len(card.templates or card.foreign) - inverted}+{inverted}"


def _options_in_words(card: Card) -> str:
    given = _options(card)
    if given is None:
        return "free-form"
    return " / ".join(given) if isinstance(given, list) else "per row"


def _options(card: Card) -> list[str] | str | None:
    """Fixed options as a list; `per row` where rows bring their own; None for free-form tasks."""
    spec = card.layouts(card.variant_names[0])[0].options
    if spec is None:
        return None
    texts = list(spec.values()) if isinstance(spec, dict) else []
    return texts if texts and not any("{{" in text for text in texts) else "per row"


def _card_files(word: str) -> Iterator[Path | CardFile]:
    """The files of cards that a path, another collection or a word of the catalog names."""
    from openflan.tasks.collections import named_collection
    from openflan.tasks.lint import CardFile, collection_cards

    place = Path(word)
    if (collection := named_collection(word)) is not None:
        yield from (CardFile(path, card) for path, card in collection_cards(*collection, load_catalog()))
    elif place.is_dir():
        yield from sorted(place.rglob("*.yaml"))
    elif place.suffix == ".yaml":
        if not place.exists():
            raise UnknownNameError(f"no card at {place}")
        yield place
    else:
        yield from (CATALOG / task.card.cluster / f"{task.card.name}.yaml" for task in load_catalog().tasks(word))


def _findings(named: Path | CardFile, source: RowSource, required: bool) -> list[str]:
    from openflan.data.lint import lint_rows
    from openflan.tasks.lint import CardFile, lint_card

    try:
        file = CardFile.read(named) if isinstance(named, Path) else named
    except CardError as error:
        return [
            f"{named}{fault.removeprefix(str(named)).replace(': ', ': FLN000 ', 1)}"
            for fault in str(error).splitlines()
        ]
    return [str(finding) for finding in [*lint_card(file), *lint_rows(file, source, required=required)]]
