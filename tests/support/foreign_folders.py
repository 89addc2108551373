"""Small folders of other collections' tasks, in our own words: promptsource's templates and Natural Instructions."""

from __future__ import annotations

import json
from pathlib import Path

COPA = "Because of this or so? {{ premise }}"
TEMPLATES = {
    "glue/mrpc": {
        "same": "{{ sentence1 }} {{ sentence2 }} The same? ||| {{ answer_choices[label] }}",
        "write": "!Say it otherwise: {{ sentence1 }} ||| {{ sentence2 }}",
    },
    "super_glue/copa": {
        "first": COPA + " ||| {{ answer_choices[label] }}",
        "second": "{{ premise }} What fits? ||| {{ answer_choices[label] }}",
        "cause": "{% if question == 'cause' %}{{ premise }} Why? ||| {{ answer_choices[label] }}{% endif %}",
        "turned": "!{{ choice1 }} What came of it, or before? ||| {{ premise }}",
    },
    "super_glue/rte": {
        "follows": "{{ premise }} So: {{ hypothesis }}? ||| {{ answer_choices[label] }}",
    },
}
"""Dataset → name of a template → its text; those with a `!` before it put another task than the dataset's own."""

_CHOICES = {
    "glue/mrpc": "no ||| yes",
    "super_glue/copa": "{{ choice1 }} ||| {{ choice2 }}",
    "super_glue/rte": "yes ||| no",
}


def save_promptsource(folder: Path) -> Path:
    """Write the templates to `folder` as promptsource has them; returns it."""
    for key, templates in TEMPLATES.items():
        dataset, _, subset = key.partition("/")
        lines = [f"dataset: {dataset}", f"subset: {subset}", "templates:"]
        for number, (name, text) in enumerate(templates.items()):
            turned = text.startswith("!")
            lines += [
                f"  id-{number}: !Template",
                f"    id: id-{number}",
                f"    name: {name}",
                f"    jinja: {json.dumps(text.removeprefix('!'))}",
                f"    answer_choices: {'null' if turned else json.dumps(_CHOICES[key])}",
                "    metadata: !TemplateMetadata",
                f"      original_task: {str(not turned).lower()}",
                "      choices_in_prompt: false",
                "      metrics: [Accuracy]",
                "      languages: [en]",
            ]
        place = folder / dataset / subset
        place.mkdir(parents=True, exist_ok=True)
        (place / "templates.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def save_natural_instructions(folder: Path) -> Path:
    """Write one task of Natural Instructions' kind to `folder`; returns it."""
    task = {
        "Source": ["ours"],
        "Categories": ["Word Counting"],
        "Definition": ["Say how many words the line has."],
        "Positive Examples": [{"input": "A red boat", "output": "3", "explanation": "Three."}],
        "Negative Examples": [],
        "Instances": [
            {"id": f"one-{number}", "input": " ".join(["word"] * (number % 7 + 1)) + f" {number}", "output": ["many"]}
            for number in range(30)
        ],
        "Instance License": ["CC0"],
    }
    (folder / "tasks").mkdir(parents=True, exist_ok=True)
    (folder / "tasks" / "task001_counting.json").write_text(json.dumps(task), encoding="utf-8")
    return folder
