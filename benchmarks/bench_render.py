"""Rendering: rows to examples to prompts, next to a Jinja template that is compiled for every prompt.

    python -m benchmarks.bench_render [--rows 400] [--source mirror:DIR]

Both sides write the same prompts of the same templates from the same examples, in turns, one process, one thread; the
best of several rounds counts. Compiling on every call is what promptsource does in `Template.apply`, which builds
`env.from_string(...)` each time; here it gets a plain Jinja environment, without a sandbox.

`prompt` is example to prompt, `row` the whole way from a column of Arrow rows, `mixture` examples in mixture order.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from jinja2 import Environment

from benchmarks.shared import write_results
from openflan.data.example import Example
from openflan.data.mixture import Mixture
from openflan.data.prompt import TemplateWriter, options_block, writers
from openflan.data.rows import TaskRows
from openflan.data.select import DataConfig, make_mixture, select, training_rows
from openflan.tasks.prepare import SkipRow

ENVIRONMENT = Environment(keep_trailing_newline=True)
ROUNDS = 5
COMPARED = 200
DATASETS = ("rte", "anli:r1", "sst2", "copa", "squad:v1", "wmt14_enfr", "common_gen", "xsum")
COLUMNS = ("dataset", "prompts", "prompt/s", "jinja each time/s", "ratio", "row/s")


class Line(NamedTuple):
    """One dataset's or mixture's rows, written by all templates."""

    name: str
    work: list[tuple[TemplateWriter, Example]]


def main() -> None:
    """Measure and write results/render.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=400, help="most examples per dataset")
    parser.add_argument("--source", default="samples", help="samples, mirror:DIR or hub")
    options = parser.parse_args()
    config = DataConfig(source=options.source, missing="skip", carve=True)
    loaded = training_rows(config, select(config).train)
    lines = [measured(part, options.rows) for part in loaded.parts if part.task.name in DATASETS]
    lines.append(together(loaded.parts, options.rows))
    lines.append(mixed(make_mixture(config, loaded), 5000))
    write_results("render", lines, COLUMNS, {"source": options.source, "rounds": ROUNDS})


def measured(part: TaskRows, rows: int) -> dict[str, Any]:
    """One dataset: prompts a second, both ways, and rows to examples a second."""
    examples = part.examples(range(min(rows, len(part))))
    line = Line(part.task.name, writable(part, examples))
    whole = best(lambda: part.examples(range(len(examples))))
    return compared(line) | {"row/s": len(examples) / (whole + len(examples) * seconds_per_prompt(line))}


def together(parts: list[TaskRows], rows: int) -> dict[str, Any]:
    """All datasets at once, every template."""
    work = [pair for part in parts for pair in writable(part, part.examples(range(min(rows // 10, len(part)))))]
    return compared(Line(f"all {len(parts)}", work))


def mixed(mixture: Mixture, count: int) -> dict[str, Any]:
    """Prompts in the order of the mixture, windows of 1,000: the draw, the rows, the example and the prompt."""

    def run() -> None:
        for start in range(0, count, 1000):
            mixture.prompts(start, start + 1000)

    return {"dataset": "mixture", "prompts": count, "row/s": count / best(run)}


def compared(line: Line) -> dict[str, Any]:
    """Both ways of writing the same prompts, checked to be the same."""
    some = line.work[:: max(1, len(line.work) // COMPARED)]
    assert all(writer.write(example).input == by_jinja(writer, example)[0] for writer, example in some)
    ours = 1 / seconds_per_prompt(line)
    theirs = len(some) / best(lambda: [by_jinja(writer, example) for writer, example in some])
    return {
        "dataset": line.name,
        "prompts": len(line.work),
        "prompt/s": ours,
        "jinja each time/s": theirs,
        "ratio": ours / theirs,
    }


def seconds_per_prompt(line: Line) -> float:
    """Example to prompt."""
    return best(lambda: [writer.write(example) for writer, example in line.work]) / len(line.work)


def by_jinja(writer: TemplateWriter, example: Example) -> tuple[str, str]:
    """Input and target, each from a template compiled on the spot."""
    names = {**example.fields, "answer": example.answer, "options": example.options}
    names["options_"] = options_block(example.options)
    template = writer.template
    text, target = (ENVIRONMENT.from_string(part).render(**names) for part in (template.input, template.target))
    return text.strip(), target.strip()


def writable(part: TaskRows, examples: list[Example]) -> list[tuple[TemplateWriter, Example]]:
    """All templates with all examples, less what an inverted template passes over."""
    return [(writer, example) for writer in writers(part.task) for example in examples if writes(writer, example)]


def writes(writer: TemplateWriter, example: Example) -> bool:
    """Whether the template can be written for the example."""
    try:
        writer.write(example)
    except SkipRow:
        return False
    return True


def best(run: Callable[[], Any]) -> float:
    """Seconds of the fastest of several rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
