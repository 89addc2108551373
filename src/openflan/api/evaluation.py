"""Measuring models and holding them against each other, for a script or a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openflan.api.data import HeldOut, Names
from openflan.api.progress import fetch_model, measuring
from openflan.api.views import as_text, frame
from openflan.data.encode import Format
from openflan.data.select import DataConfig
from openflan.evaluation.analysis.comparison import Comparison
from openflan.evaluation.analysis.comparison import compare as compare_results
from openflan.evaluation.analysis.references import Reference
from openflan.evaluation.analysis.summary import Summary, summarize
from openflan.evaluation.results import Results, read_results
from openflan.files import cache
from openflan.recipe import Recipe, make_recipe
from openflan.tasks.registry import Task

if TYPE_CHECKING:
    import pandas
    import pyarrow as pa


@dataclass(frozen=True)
class Evaluation:
    """A measured model: its scores by dataset and cluster, and every prompt with what the model made of it."""

    results: Results

    @property
    def folder(self) -> Path:
        """Where the scores are."""
        return self.results.path.parent

    @property
    def prompts(self) -> pa.Table:
        """One row per scored prompt (`openflan.evaluation.results.SCHEMA`)."""
        return self.results.table()

    @property
    def settings(self) -> list[str]:
        """How the prompts were put: `options`, `bare`, …; the first is the one that is compared."""
        return self.results.settings

    def summary(self, setting: str | None = None) -> Summary:
        """The scores in one setting (the first when None), with intervals over examples."""
        return summarize(self.results, setting)

    def to_pandas(self, setting: str | None = None) -> pandas.DataFrame:
        """A row per dataset: cluster, metric, mean over templates with its interval, std, templates, rows."""
        rows = [
            {
                "dataset": task.name, "cluster": task.cluster, "setting": setting or self.settings[0],
                "metric": task.metric, "mean": task.mean and task.mean.value, "low": task.mean and task.mean.low,
                "high": task.mean and task.mean.high, "std": task.std, "templates": len(task.templates),
                "rows": task.rows, **task.further,
            }
            for task in self.summary(setting).tasks
        ]  # fmt: skip
        return frame(rows)

    def table(self, against: Mapping[str, Mapping[str, Reference]] | None = None) -> str:
        """The scores of every setting as text, beside reference lines."""
        from openflan.report.tables import summary_table

        return "\n\n".join(as_text(summary_table(self.summary(one), against)) for one in self.settings)

    def __repr__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.table())}</pre>"


@dataclass(frozen=True)
class ComparisonView:
    """Two models on the same prompts: paired differences with intervals."""

    comparison: Comparison

    def to_pandas(self) -> pandas.DataFrame:
        """A row per dataset and cluster: first, second, difference with its interval, p."""
        rows = [
            {
                "name": one.name, "cluster": one.cluster, "metric": one.metric, "first": one.first,
                "second": one.second, "difference": one.difference.value, "low": one.difference.low,
                "high": one.difference.high, "p": one.p, "examples": one.examples,
            }
            for one in (*self.comparison.clusters, *self.comparison.tasks)
        ]  # fmt: skip
        return frame(rows)

    def plot(self, path: str | Path | None = None) -> Picture:
        """A forest plot as SVG, which a notebook shows; written to `path` where there is one."""
        from openflan.files import write_text
        from openflan.report.strips import comparison_svg

        picture = Picture(comparison_svg([self.comparison]))
        if path:
            write_text(Path(path), picture.svg)
        return picture

    def __repr__(self) -> str:
        from openflan.report.tables import comparison_table

        return as_text(comparison_table([self.comparison]))

    def _repr_html_(self) -> str:
        return self.plot().svg


@dataclass(frozen=True, repr=False)
class Picture:
    """An SVG that a notebook shows."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg


def evaluate(
    model: str | Path,
    tasks: Names | HeldOut,
    *,
    rows: int | None = None,
    settings: Any = "options",
    source: str | None = None,
    format: Format | None = None,
    dtype: str = "auto",
    name: str | None = None,
    out: str | Path | None = None,
    silent: bool = False,
    **config: Any,
) -> Evaluation:
    """Measure a model on tasks: presets, clusters, datasets, or what a mixture holds out (`mixture.held_out`).

    `rows` are the most test rows per dataset, a seeded sample; `settings` say how prompts are put (`"bare"`,
    `["bare", "options"]`, …; `openflan.data.settings`). `source` says where rows come from (the mixture's own with
    `held_out`, else the samples). `format` is the one the model was tuned in, else its own, when None. Scores go to
    `out`, or to the cache under the model's identity, so that nothing is scored twice; they are never taken for another
    model's. Further keywords are those of a recipe's `evaluate` section.

    Raises `RecipeError` for a wrong key, `ModelError`, `UnknownNameError`, and `MissingRowsError` when nothing can be
    measured.
    """
    from openflan.model.folder import model_name
    from openflan.study.format import default_format
    from openflan.study.measure import evaluation_identity

    data = tasks.config if isinstance(tasks, HeldOut) else DataConfig()
    data = replace(data, source=source) if source else data
    names = (tasks,) if isinstance(tasks, str) else tuple(tasks)
    folder = tuned_model(fetch_model(str(model), silent=silent))
    recipe = make_recipe(
        model={"path": str(model), "dtype": dtype},
        data=data,
        format=format or default_format(folder),
        evaluate={"tasks": names, "rows": rows, "settings": settings, **config},
    )
    called = name or model_name(folder)
    if out is None:
        identity = evaluation_identity(recipe, folder)
        out = cache() / "evaluations" / f"{called}-{identity['model']['fingerprint']}-{recipe.format.join}"
    catalog = data.catalog()
    chosen = list({one.name: one for selector in names for one in catalog.tasks(selector)}.values())
    return evaluate_recipe(recipe, folder, chosen, Path(out), name=called, silent=silent)


def evaluate_recipe(
    recipe: Recipe, model: Path, tasks: Sequence[Task], out: Path, *, name: str, silent: bool = False
) -> Evaluation:
    """Measure a model folder on tasks as a recipe's `evaluate` section says. Raises as `evaluate` does."""
    from openflan.study.measure import measure

    with measuring(name, silent=silent) as show:
        return Evaluation(measure(recipe, model, name, out, tasks, show))


def read_evaluation(folder: str | Path) -> Evaluation:
    """The finished evaluation in a folder; raises `ResultsError`."""
    return Evaluation(read_results(Path(folder)))


def compare(
    first: Evaluation | str | Path,
    second: Evaluation | str | Path,
    *,
    setting: str | None = None,
    split: str = "test",
) -> ComparisonView:
    """Hold the second model against the first on the prompts that both answered.

    In one `setting`, or each in the first it was asked in. Raises `ResultsError` when they have nothing in common.
    """
    pair = [one if isinstance(one, Evaluation) else read_evaluation(one) for one in (first, second)]
    return ComparisonView(compare_results(pair[0].results, pair[1].results, setting, split))


def tuned_model(folder: Path) -> Path:
    """The model in a run folder; any other folder as it is."""
    return folder / "model" if (folder / "model" / "config.json").is_file() else folder
