"""Hooks of the site's build: pages that are made from the code, and the tutorial from its notebook."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from website import notebook, recipe_keys, verbs

GENERATED = {"reference/recipe.md": recipe_keys.page, "reference/verbs.md": verbs.page}
"""Pages by their place in the site, and what makes them."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that no file holds; a notebook's page stands beside the notebook, which can be fetched."""
    for place, made in GENERATED.items():
        files.append(File.generated(config, place, content=made()))
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        page = file.src_uri.removesuffix(".ipynb") + ".md"
        files.append(File.generated(config, page, content=notebook.as_markdown(Path(str(file.abs_src_path)))))
    return files
