"""Every template of every card on one bundled row, as Markdown that a reviewer can skim.

`pytest tests/golden --update-golden` rewrites the files; read the difference before you commit it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from openflan.data.example import Example
from openflan.data.prompt import BaselineWriter, Prompt, TemplateWriter, writers
from openflan.data.rows import load_rows
from openflan.data.sources import parse_source
from openflan.tasks.card import Card
from openflan.tasks.prepare import SkipRow
from openflan.tasks.registry import Task, load_catalog

FOLDER = Path(__file__).parent
CARDS = list(load_catalog("cot").values())


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_renderings(card: Card, request: pytest.FixtureRequest) -> None:
    path = FOLDER / card.cluster / f"{card.name}.md"
    rendered = page(card)
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(rendered, encoding="utf-8")
    assert path.exists(), "no golden file; write it with --update-golden and read it"
    assert rendered == path.read_text(encoding="utf-8"), "the prompts have changed; see --update-golden"


def test_no_golden_file_without_a_card() -> None:
    files = {path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.md")}
    assert files <= {f"{card.cluster}/{card.name}" for card in CARDS}


def page(card: Card) -> str:
    """The card's prompts on its first usable row, one section each; a variant of its own where its layout differs."""
    parts = [f"# {card.title} (`{card.name}`)"]
    seen = []
    for variant in card.variant_names:
        layout = card.layouts(variant)[0]
        shape = layout.model_dump(exclude={"splits", "hub", "mirror", "note"})
        if shape in seen:
            continue
        seen.append(shape)
        if variant:
            parts.append(f"# Variant `{variant}`")
        parts += sections(Task(card, variant))
    return "\n\n".join(parts) + "\n"


def sections(task: Task) -> list[str]:
    role = "train" if "train" in task.layouts[0].splits else "test"
    rows = load_rows(task, role, parse_source("samples"))
    chosen: list[TemplateWriter | BaselineWriter] = [*writers(task)]
    if task.card.baseline:
        chosen.append(BaselineWriter(task))
    made = []
    for writer in chosen:
        # An inverted template may pass over a row that has nothing to ask for; then the next row stands in.
        for example in rows:
            try:
                made.append(section(writer.write(example), without_list(task, writer, example)))
                break
            except SkipRow:
                continue
    assert len(made) == len(chosen)
    return made


def without_list(task: Task, writer: TemplateWriter | BaselineWriter, example: Example) -> str | None:
    """The prompt without the OPTIONS block, where the card words it otherwise than by leaving the block out."""
    if isinstance(writer, BaselineWriter) or task.card.templates[writer.number].bare is None:
        return None
    return TemplateWriter(task, writer.number, options=False).write(example).input


def section(prompt: Prompt, bare: str | None) -> str:
    name = "Baseline" if prompt.writer == "baseline" else f"Template {prompt.writer}"
    kind = " (inverted)" if prompt.inverted else ""
    target = prompt.target.replace("\n", "\n> ")
    otherwise = f"Without the list:\n\n```text\n{bare}\n```\n\n" if bare is not None else ""
    return f"## {name}{kind}\n\n```text\n{prompt.input}\n```\n\n{otherwise}> {target}"
