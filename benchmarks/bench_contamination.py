"""Looking for n-grams of test sets in a corpus, next to lm-eval's janitor (its Python form), on one core.

    python -m benchmarks.bench_contamination [--corpus PATH] [--megabytes 64] [--tasks rte boolq] [--source samples]

Both look for the same n-grams of 13 words of the same texts, in one process; the best of several rounds counts, and
what has to be made ready first does not. The janitor is timed on the first part of the corpus, and openflan on the
whole and on the same part, on which both should find the same texts (they differ where a text has punctuation beyond
ASCII, which the janitor keeps).

Without `--corpus`, text is made of the words of the bundled rows, with the test sets planted in it.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared import peak_memory, write_results
from openflan.contamination.corpus import Block, blocks, units_of
from openflan.contamination.index import Index
from openflan.contamination.measured import measured_task
from openflan.contamination.words import LONGEST
from openflan.data.rows import load_rows
from openflan.data.sources import parse_source
from openflan.tasks.registry import load_catalog

ROUNDS = 5
COLUMNS = ("tool", "megabytes", "MB/s", "texts found", "ratio")


def main() -> None:
    """Measure and write results/contamination.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--corpus", type=Path, help="a file or folder of text")
    parser.add_argument("--megabytes", type=float, default=64, help="size of the corpus that is made without one")
    parser.add_argument("--janitor", type=float, default=2, help="megabytes that the janitor is timed on")
    parser.add_argument("--tasks", nargs="+", default=["rte", "boolq", "piqa", "anli", "copa"])
    parser.add_argument("--source", default="samples", help="samples, mirror:DIR or hub")
    options = parser.parse_args()
    texts = measured_texts(options.tasks, options.source)
    with tempfile.TemporaryDirectory() as folder:
        corpus = options.corpus or made_corpus(Path(folder) / "corpus.txt", texts, int(options.megabytes * 1e6))
        lines = compared(texts, corpus, first_part(corpus, int(options.janitor * 1e6), Path(folder) / "part.txt"))
    facts = {"texts": len(texts), "n": LONGEST, "rounds": ROUNDS, "peak memory, MB": round(peak_memory())}
    write_results("contamination", lines, COLUMNS, facts)


def compared(texts: list[str], corpus: Path, part: Path) -> list[dict[str, Any]]:
    """A line for openflan on the whole corpus, and one for each tool on a part of it."""
    index = Index.of([text.encode() for text in texts], [LONGEST] * len(texts))
    lines = [line(name, path, *best(partial(ours_in, index, path))) for name, path in
             (("openflan", corpus), ("openflan, part", part))]  # fmt: skip
    janitor, own = janitor_of(texts)
    text = part.read_text(encoding="utf-8")
    seconds, _ = best(lambda: janitor.clean_python(text), rounds=2)
    lines.append(line("lm-eval janitor, part", part, seconds, found_by(janitor, own, text)))
    return [{**one, "ratio": one["MB/s"] / lines[-1]["MB/s"]} for one in lines]


def line(tool: str, corpus: Path, seconds: float, found: int) -> dict[str, Any]:
    """A line of the table."""
    size = sum(unit.size for unit in units_of([corpus])) / 1e6
    return {"tool": tool, "megabytes": size, "MB/s": size / seconds, "texts found": found}


def ours_in(index: Index, corpus: Path) -> int:
    """How many texts are found."""
    found = index.nothing_found()
    for unit in units_of([corpus]):
        for block in blocks(unit):
            if isinstance(block, Block):
                for _ in index.find(block.words, found):
                    pass
    return len(np.unique(index.owners[found.members]))


def janitor_of(texts: list[str]) -> tuple[Any, list[set[str]]]:
    """lm-eval's janitor with all n-grams of the texts, and those of each."""
    from lm_eval.decontamination.janitor import Janitor, word_ngrams

    janitor = Janitor(ngram_n=LONGEST)
    own = [set(word_ngrams(janitor.normalize_string(text), LONGEST)) for text in texts]
    janitor.dirt_ngrams = set().union(*own)
    return janitor, own


def found_by(janitor: Any, own: list[set[str]], text: str) -> int:
    """How many texts have an n-gram in common with a corpus, by the janitor's own functions."""
    from lm_eval.decontamination.janitor import word_ngrams_indices

    grams = (janitor.normalize_string(gram) for gram, _ in word_ngrams_indices(text, LONGEST))
    seen = {gram for gram in grams if gram in janitor.dirt_ngrams}
    return sum(not grams.isdisjoint(seen) for grams in own)


def best(work: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, Any]:
    """The shortest time that work took, in seconds, and what came of it."""
    times, found = [], None
    for _ in range(rounds):
        began = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - began)
    return min(times), found


def first_part(corpus: Path, most: int, path: Path) -> Path:
    """The first bytes of a corpus of text, in a file of their own."""
    with Path(units_of([corpus])[0].path).open("rb") as file:
        path.write_text(file.read(most).decode("utf-8", "ignore"), encoding="utf-8")
    return path


def measured_texts(tasks: list[str], source: str) -> list[str]:
    """All texts of the tasks' test rows."""
    chosen = [task for name in tasks for task in load_catalog().tasks(name)]
    opened = parse_source(source)
    return [text.text for task in chosen for text in measured_task(load_rows(task, "test", opened, carve=True)).texts]


def made_corpus(path: Path, texts: list[str], size: int) -> Path:
    """Text of so many bytes out of the words of some texts, with every text planted in it somewhere."""
    chance = random.Random(0)
    words = [word for text in texts for word in text.split()]
    planted = list(texts)
    written = 0
    with path.open("w", encoding="utf-8") as file:
        while written < size:
            line = " ".join(chance.choices(words, k=400))
            if planted:
                line += f" {planted.pop()} "
            written += file.write(line + "\n")
    return path


if __name__ == "__main__":
    main()
