"""What `openflan VERB --help` says beside its options: two examples, and every default."""

from __future__ import annotations

import argparse

EXAMPLES: dict[str, tuple[str, ...]] = {
    "quickstart": ("openflan quickstart", "openflan quickstart --set train.tokens=200000 --out runs/longer"),
    "run": (
        "openflan run quickstart --set data.hold_out=nli --out runs/nli",
        "openflan run my_recipe.yaml --set model.path=MODEL",
    ),
    "recipes": ("openflan recipes quickstart", "openflan recipes --copy flan62 --out mine.yaml"),
    "tasks": ("openflan tasks nli sentiment", "openflan tasks copa --json"),
    "show": (
        "openflan show copa --template 3 --bare",
        "openflan show anli:r1 --rows 4 --split train --source mirror:DIR",
    ),
    "lint": ("openflan lint", "openflan lint my_card.yaml --source mirror:DIR"),
    "doctor": ("openflan doctor --source mirror:DIR", "openflan doctor rte cb --source hub --json"),
    "generate": ("openflan generate math_dataset DIR", "openflan generate math_dataset DIR --rows 900"),
    "import": (
        "openflan import promptsource DIR --out cards/p3 --source mirror:ROWS",
        "openflan import natural-instructions DIR --out cards/ni",
    ),
    "licences": ("openflan licences flan62", "openflan licences --set data.tasks=nli --json"),
    "mix": ("openflan mix quickstart", "openflan mix --set data.hold_out=nli --examples 10000"),
    "prepare": (
        "openflan prepare flan62 --set model.path=MODEL",
        "openflan prepare quickstart --rows 500 --out prepared/small",
    ),
    "export": (
        "openflan export quickstart --to trl exports/trl --examples 2000",
        "openflan export quickstart --to lm-eval exports/lm-eval --set evaluate.rows=50",
    ),
    "estimate": (
        "openflan estimate quickstart",
        "openflan estimate flan62_8b --shape llama-8b --gpus 8 --gpu h100",
    ),
    "train": (
        "openflan train quickstart --out runs/mine",
        "openflan train flan62 --set model.path=MODEL --prepared prepared/flan62",
    ),
    "eval": (
        "openflan eval runs/mine quickstart --rows 200 --settings bare options",
        "openflan eval MODEL --tasks rte copa --against majority flan_zero_avg",
    ),
    "score": (
        "openflan score MODEL prompts.jsonl",
        "openflan score runs/mine/model prompts.jsonl --join chat --out a.jsonl",
    ),
    "compare": (
        "openflan compare runs/a/eval/untuned runs/a/eval/tuned",
        "openflan compare runs/a/eval/tuned runs/b/eval/tuned --figure comparison.svg",
    ),
    "ask": (
        'openflan ask runs/quickstart "Is ice colder than steam?" --options yes no',
        "openflan ask MODEL --samples 3 --temperature 0.7",
    ),
    "playground": (
        "openflan playground runs/quickstart",
        "openflan playground MODEL runs/a/model runs/b/model --port 9000",
    ),
    "contamination": (
        "openflan contamination quickstart --corpus DIR",
        "openflan contamination --set data.hold_out=nli --mixture --out runs/seen",
    ),
    "study": (
        "openflan study instructions --dry-run",
        "openflan study matrix --dial large --set model.path=MODEL --gpus 1",
    ),
    "report": ("openflan report runs/quickstart", "openflan report runs/eval-mine"),
}
"""Commands as people type them; in capitals what stands for a folder of one's own."""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Says a default wherever there is one that the option's own words do not say."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        help, default = action.help, action.default
        unsaid = default is None or default == [] or default == argparse.SUPPRESS or isinstance(default, bool)
        return help if help is None or unsaid or "default" in help else f"{help} (default: %(default)s)"


def add_examples(verb: str, parser: argparse.ArgumentParser) -> None:
    """Let a verb's help end with its examples, and say its defaults."""
    parser.formatter_class = _Help
    examples = "\n".join(f"  {example}" for example in EXAMPLES.get(verb, ()))
    parser.epilog = "\n\n".join(part for part in (parser.epilog, examples and f"examples:\n{examples}") if part)
