"""Figures of a run as SVG, to stand inside the page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from openflan.errors import OpenflanError
from openflan.evaluate.analysis.statistics import Interval

GREY, ORANGE, BLUE = "#9aa0a6", "#e8833a", "#2f6db5"

Scores = Mapping[str, Mapping[str, Interval]]
"""Model → line → score with its interval."""


def intervals(
    title: str,
    axis: str,
    lines: Sequence[str],
    scores: Scores,
    colours: Mapping[str, str],
    chance: Mapping[str, float],
) -> str:
    """A dot and its 95 % interval per line and model, in the model's colour; ticks mark what guessing would give."""
    figure, axes = _axes(height=0.9 + len(lines) * (0.16 + 0.13 * len(scores)))
    for number, (model, values) in enumerate(scores.items()):
        colour = colours[model]
        offset = (number - (len(scores) - 1) / 2) * 0.2
        known = [(place, values[line]) for place, line in enumerate(lines) if line in values]
        places = [place + offset for place, _ in known]
        axes.hlines(places, [one.low for _, one in known], [one.high for _, one in known], colour, lw=2, alpha=0.5)
        axes.plot([one.value for _, one in known], places, "o", color=colour, ms=6, label=model)
    for place, line in enumerate(lines):
        if line in chance:
            axes.vlines(chance[line], place - 0.4, place + 0.4, "#444", lw=1, linestyles=":")
    axes.set_yticks(range(len(lines)), lines)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xlabel(axis)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.55 / figure.get_figheight()), ncols=len(scores), frameon=False
    )
    return _svg(figure)


def loss_curve(metrics: Sequence[Mapping[str, Any]]) -> str:
    """The training loss by step, with a running mean."""
    figure, axes = _axes(height=2.6)
    steps, losses = [line["step"] for line in metrics], [line["loss"] for line in metrics]
    axes.plot(steps, losses, color=BLUE, alpha=0.35, lw=1)
    axes.plot(steps, _running_mean(losses, max(1, len(losses) // 10)), color=BLUE, lw=2)
    axes.set_xlabel("step")
    axes.set_ylabel("nats per labelled token")
    axes.set_title("Training loss", loc="left", fontsize=11, fontweight="bold")
    return _svg(figure)


def _running_mean(values: Sequence[float], width: int) -> list[float]:
    return [sum(window := values[max(0, end - width) : end]) / len(window) for end in range(1, len(values) + 1)]


def _axes(height: float) -> tuple[Any, Any]:
    try:
        import matplotlib
    except ImportError:
        raise OpenflanError("figures need the extra `report`: pip install 'openflan[report]'") from None
    matplotlib.use("svg")
    from matplotlib import pyplot

    # Text stays text, so that a page can be searched and read aloud.
    matplotlib.rcParams.update({"svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"})
    figure, axes = pyplot.subplots(figsize=(7.2, height), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#e6e6e6", lw=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Any) -> str:
    from matplotlib import pyplot

    buffer = io.StringIO()
    unsaid = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=unsaid, bbox_inches="tight")
    pyplot.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
