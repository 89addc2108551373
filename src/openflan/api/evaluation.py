"""Measuring models and comparing them, for a script or a notebook."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openflan.api.data import HeldOut, Names
from openflan.api.progress import fetch_model, measuring
from openflan.api.views import as_text, frame
from openflan.data.encode import Format
from openflan.data.select import DataConfig
from openflan.data.settings import PRESETS
from openflan.errors import OpenflanError, RecipeError
from openflan.evaluation.analysis.comparison import Comparison
from openflan.evaluation.analysis.comparison import compare as compare_results
from openflan.evaluation.analysis.references import MODEL_BASELINES as MODEL_BASELINES
from openflan.evaluation.analysis.references import check_references, references
from openflan.evaluation.analysis.summary import Summary, summarize
from openflan.evaluation.results import Results, read_results
from openflan.files import cache
from openflan.lists import listed
from openflan.recipe import Recipe, make_recipe
from openflan.tasks.registry import Task
from openflan.training.saved import tuned_model as tuned_model

if TYPE_CHECKING:
    import pandas
    import pyarrow as pa
    from rich.console import RenderableType

    from openflan.report.tables import References


@dataclass(frozen=True)
class Evaluation:
    """A measured model: its scores by dataset and cluster, and every prompt with the model's answer."""

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

    def to_dict(self) -> dict[str, Any]:
        """The scores of every setting as plain data."""
        return {one: self.summary(one).to_dict() for one in self.settings}

    @property
    def is_whole(self) -> bool:
        """Whether every prompt could be scored."""
        return not any(task.failures for one in self.settings for task in self.summary(one).tasks)

    def tables(self, against: References | None = None) -> list[RenderableType]:
        """A table for every setting, for `rich` to draw, beside reference lines."""
        from openflan.report.tables import summary_table

        return [summary_table(self.summary(one), against) for one in self.settings]

    def __repr__(self) -> str:
        return "\n\n".join(map(as_text, self.tables()))

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


@dataclass(frozen=True)
class ComparisonView:
    """Models beside the first one, on the same prompts: paired differences with intervals."""

    comparisons: Sequence[Comparison]

    def to_pandas(self) -> pandas.DataFrame:
        """A row per model, dataset and cluster: first, second, difference with its interval, p."""
        rows = [
            {
                "model": pair.second, "name": one.name, "cluster": one.cluster, "metric": one.metric,
                "first": one.first, "second": one.second, "difference": one.difference.value,
                "low": one.difference.low, "high": one.difference.high, "p": one.p, "examples": one.examples,
            }
            for pair in self.comparisons
            for one in (*pair.clusters, *pair.tasks)
        ]  # fmt: skip
        return frame(rows)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The comparisons as plain data."""
        return [asdict(one) for one in self.comparisons]

    def plot(self, path: str | Path | None = None) -> Picture:
        """A forest plot as SVG, which a notebook shows; written to `path` where there is one."""
        from openflan.files import write_text
        from openflan.report.strips import comparison_svg

        picture = Picture(comparison_svg(self.comparisons))
        if path:
            write_text(Path(path), picture.svg)
        return picture

    def __rich__(self) -> RenderableType:
        from openflan.report.tables import comparison_table

        return comparison_table(self.comparisons)

    def __repr__(self) -> str:
        return as_text(self.__rich__())

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

    >>> scores = of.evaluate("tiny", "copa", rows=2, templates=(0, 1), silent=True)
    >>> scores.prompts.num_rows
    4
    >>> scores.to_pandas()[["dataset", "metric", "templates", "rows"]].values.tolist()
    [['copa', 'accuracy', 2, 2]]
    """
    from openflan.evaluation.metrics import check_extras
    from openflan.model.folder import model_name
    from openflan.study.format import default_format
    from openflan.study.measure import evaluation_identity

    data = tasks.config if isinstance(tasks, HeldOut) else DataConfig()
    data = replace(data, source=source) if source else data
    names = tasks if isinstance(tasks, str) else tuple(tasks)
    chosen = data.catalog().selection(names)
    check_extras(task.card.metric for task in chosen)
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
    return evaluate_recipe(recipe, folder, chosen, Path(out), name=called, silent=silent)


def evaluate_recipe(
    recipe: Recipe,
    model: Path,
    tasks: Sequence[Task] | None = None,
    out: Path | None = None,
    *,
    name: str | None = None,
    silent: bool = False,
) -> Evaluation:
    """Measure a model folder as a recipe's `evaluate` section says, on what the recipe measures when `tasks` is None.

    Scores go to `out`, `runs/eval-NAME` when None. Raises as `evaluate` does, and `RecipeError` for a recipe that
    measures nothing.
    """
    from openflan.study.plan import plan_measuring

    plan, encoder = plan_measuring(recipe, model, tasks_to_measure(recipe) if tasks is None else tasks)
    from openflan.study.measure import measure  # and torch with it

    name = name or model_name(model)
    out = out or Path("runs") / ("eval-" + re.sub(r"[^\w.-]+", "-", name))
    with measuring(name, silent=silent) as show:
        return Evaluation(measure(recipe, model, name, out, plan, encoder, show))


def tasks_to_measure(recipe: Recipe) -> list[Task]:
    """The tasks that a recipe measures; raises `RecipeError` when there are none.

    Raises `OpenflanError` too where a package is missing that their metrics or rows need.
    """
    from openflan.study.extras import check_to_measure
    from openflan.study.tasks import measured_tasks

    tasks = measured_tasks(recipe).all()
    if not tasks:
        raise RecipeError("nothing to measure: name tasks with --tasks, or a recipe that holds something out")
    check_to_measure(recipe, tasks)
    return tasks


def in_its_format(recipe: Recipe, model: Path) -> tuple[Recipe, str | None]:
    """The recipe with the format that the model was tuned in, and a sentence where that is not the recipe's."""
    from openflan.study.plan import in_its_format as changed

    return changed(recipe, model)


def as_baseline(recipe: Recipe, baseline: str | None = None, shots: int | None = None) -> Recipe:
    """The recipe with the settings of one of the paper's untuned baselines, and with `shots` exemplars in each."""
    settings = recipe.evaluate.settings
    if known := MODEL_BASELINES.get(baseline or ""):
        settings = {known.setting: PRESETS[known.setting]}
        shots = known.shots if shots is None else shots
    if shots is not None:
        settings = {name: replace(one, shots=replace(one.shots, count=shots)) for name, one in settings.items()}
    return recipe.model_copy(update={"evaluate": replace(recipe.evaluate, settings=settings)})


def check_reference_lines(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names of reference lines, however they were listed; raises `UnknownNameError` for one that there is not."""
    lines = tuple(listed(names if isinstance(names, str) else " ".join(names)))
    check_references(lines)
    return lines


def reference_lines(names: Sequence[str], recipe: Recipe, scored: Evaluation) -> References:
    """Reference lines by name for what was measured: `majority`, `random`, or a published column.

    They rest on the very rows that were scored. Raises `UnknownNameError`.
    """
    from openflan.study.plan import row_loader

    return references(names, tasks_to_measure(recipe), row_loader(recipe), scored.results) if names else {}


def read_evaluation(folder: str | Path) -> Evaluation:
    """The finished evaluation in a folder; raises `ResultsError`.

    >>> scores = of.evaluate("tiny", "copa", rows=2, templates=(0,), out="eval/tiny", silent=True)
    >>> of.read_evaluation("eval/tiny").settings
    ['options']
    """
    return Evaluation(read_results(Path(folder)))


def compare(
    first: Evaluation | str | Path,
    *others: Evaluation | str | Path,
    setting: str | None = None,
    split: str = "test",
) -> ComparisonView:
    """Compare other models with the first one, each on the prompts that both answered.

    An evaluation is given as it is or by its folder. Models are compared in one `setting`, or each in the first it was
    asked in. Raises `ResultsError` when they have nothing in common, and `OpenflanError` for one model alone.

    >>> one = of.evaluate("tiny", "copa", rows=2, templates=(0,), name="one", out="eval/one", silent=True)
    >>> other = of.evaluate("tiny", "copa", rows=2, templates=(0,), name="other", out="eval/other", silent=True)
    >>> {line["difference"] for line in of.compare(one, other).to_pandas().to_dict("records")}
    {0.0}
    """
    if not others:
        raise OpenflanError("name at least two folders to compare")
    results = [(one if isinstance(one, Evaluation) else read_evaluation(one)).results for one in (first, *others)]
    return ComparisonView([compare_results(results[0], other, setting, split) for other in results[1:]])


def model_name(folder: Path) -> str:
    """What a model is called when nobody says: the name of its folder, or of the run that it came from."""
    return folder.parent.name if folder.name == "model" else folder.name
