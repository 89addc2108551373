"""The model card of a tuned model: what it is, what it was trained on and how, and what it is not for."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from openflan.files import write_text
from openflan.training.config import TrainConfig

_RESULTS, _LIMITS = "## Results", "## Limits"


def model_card(
    config: TrainConfig,
    *,
    base: str,
    facts: Mapping[str, Any],
    datasets: Mapping[str, str] | None = None,
    held_out: tuple[str, ...] = (),
    fingerprint: str = "",
) -> str:
    """A README.md in the hub's form.

    `base` names the model that was tuned; `facts` are numbers of the run (steps, tokens, ...); `datasets` maps the
    training datasets to their licences, `held_out` names the clusters that were kept away, and `fingerprint` stands
    for the mixture's cards, rows and order.
    """
    header = {
        "library_name": config.adapter.library if config.adapter else "transformers",
        "pipeline_tag": "text-generation",
        "base_model": base,
        "tags": ["instruction-tuning", "flan", "openflan"],
        **({"datasets": sorted(datasets)} if datasets else {}),
    }
    method = config.adapter.about if config.adapter else "all weights"
    settings = {
        "trained": method,
        "optimizer": f"{config.optimizer}, peak rate {config.lr:g}, {config.schedule}",
        "tokens a step": f"{config.tokens_per_step:,} in rows of {config.row_length:,}",
        **facts,
        **({"data fingerprint": fingerprint} if fingerprint else {}),
    }
    parts = [
        f"---\n{yaml.safe_dump(header, sort_keys=False)}---",
        f"# {_plain(base.rstrip('/').split('/')[-1])}, instruction-tuned",
        "Tuned with openflan on a mixture of NLP tasks phrased as instructions, after FLAN (Wei et al., 2021, "
        '"Finetuned Language Models Are Zero-Shot Learners").',
        "## Training\n\n" + _table("setting", "value", settings),
    ]
    if held_out:
        parts.append(f"Held out, never trained on: {_plain(', '.join(held_out))}.")
    if datasets:
        parts.append("## Data\n\n" + _table("dataset", "licence", dict(sorted(datasets.items()))))
    parts.append(
        f"{_LIMITS}\n\nThe model repeats the biases and errors of its base model and of its training data. It has had "
        "no safety training. The licences of the base model and of the datasets apply."
    )
    return "\n\n".join(parts) + "\n"


def add_results(path: Path, findings: Mapping[str, Sequence[str]]) -> None:
    """Write what an evaluation found (title → sentences) into a card, in the place of what stood there before."""
    before, limits, after = path.read_text(encoding="utf-8").partition(f"\n{_LIMITS}\n")
    before = before.partition(f"\n{_RESULTS}\n")[0]
    found = "\n\n".join(
        f"**{_plain(title)}**\n\n" + "\n".join(f"- {_plain(one)}" for one in some) for title, some in findings.items()
    )
    write_text(path, f"{before}\n{_RESULTS}\n\n{found}\n{limits}{after}")


def _table(left: str, right: str, rows: Mapping[str, Any]) -> str:
    return "\n".join(
        [f"| {left} | {right} |", "|---|---|", *(f"| {_plain(key)} | {_plain(value)} |" for key, value in rows.items())]
    )


def _plain(text: Any) -> str:
    """A stranger's words on one line, with no markup in them that a page would follow."""
    words = html.escape(" ".join(str(text).split()), quote=False)
    return words.replace("|", r"\|").replace("`", r"\`").replace("](", r"]\(")
