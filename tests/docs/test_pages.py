"""Every command and snippet of the README and the documentation is run, in order, in a folder of its own."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from page_blocks import CHECKOUT, Block, Command, blocks_of, commands_of, matches, shortened
from pydantic import TypeAdapter
from stand_in import save_stand_in

from openflan.cli import VERBS, main
from openflan.recipe import Recipe, load_recipe
from openflan.study.spec import load_study
from openflan.tasks.card import Card, Template
from openflan.tasks.cardfile import read_card
from openflan.tasks.registry import load_catalog
from website.verbs import parser_of

PAGES = [
    *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "examples/README.md")),
    *sorted((CHECKOUT / "docs").rglob("*.md")),
]
BLOCKS = {page.relative_to(CHECKOUT): blocks_of(page) for page in PAGES}
LANGUAGES = {"console", "python", "yaml", "text", "csv", "json", "bash"}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which the small model is a tiny one."""
    cache = tmp_path_factory.mktemp("cache")
    save_stand_in(cache)
    return cache


@pytest.fixture
def desk(stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder a reader works in: a model of their own is in `my-model`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENFLAN_CACHE", str(stand_in))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "path", [str(CHECKOUT), *sys.path])
    shutil.copytree(next((stand_in / "models").iterdir()), tmp_path / "my-model")
    load_catalog.cache_clear()  # it knows cards by their path, and each page has a `cards` of its own
    return tmp_path


@pytest.mark.parametrize("page", [page for page, blocks in BLOCKS.items() if blocks], ids=str)
def test_a_page_does_what_it_says(page: Path, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": page.stem}
    for block in BLOCKS[page]:
        place = f"{page}:{block.line}"
        assert block.language in LANGUAGES, f"{place}: mark the block as one of {', '.join(sorted(LANGUAGES))}"
        if block.title:
            _write(block, desk, place)
        elif block.language == "yaml":
            _check_part(block.body, place)
        elif block.language == "python" and not block.not_run:
            exec(compile(shortened(block.body), place, "exec"), names)
        elif block.language == "console":
            for command in commands_of(block):
                _run(command, block, place, capsys)


def test_little_is_not_run() -> None:
    skipped = [block for blocks in BLOCKS.values() for block in blocks if block.not_run]
    run = [block for blocks in BLOCKS.values() for block in blocks if block.language in ("console", "python")]
    assert all(len(block.not_run.split()) >= 3 for block in skipped), "say why a block is not run"
    assert len(skipped) <= len(run) / 5


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("$ openflan show copaa\n", "ended with status 1"),
        ("$ openflan tasks nli\nanother table\n", "does not print"),
        ("$ make nonsense\n", "ended with status 2"),
        ("$ pip install 'openflan[nonsense]'\n", "no extra"),
    ],
)
@pytest.mark.usefixtures("desk")
def test_a_wrong_command_is_noticed(body: str, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    block = Block("console", "", 1, body, "")
    with pytest.raises(AssertionError, match=fault):
        _run(commands_of(block)[0], block, "page", capsys)


def test_long_runs_are_cut() -> None:
    assert shortened("of.train(m, mix, tokens=65_536, tokens_per_step=1024)") == (
        "of.train(m, mix, tokens=4096, tokens_per_step=1024)"
    )
    assert shortened("train.tokens=2048") == "train.tokens=2048"
    assert shortened("evaluate.rows=64") == "evaluate.rows=4"


def test_what_is_not_run_is_parsed_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    block = Block("console", "", 1, "$ torchrun -m openflan train flan62 --nonsense\n", "needs eight GPUs")
    with pytest.raises(SystemExit):
        _run(commands_of(block)[0], block, "page", capsys)


def _write(block: Block, desk: Path, place: str) -> None:
    path = desk / block.title
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.body, encoding="utf-8")
    if block.language == "yaml":
        if "templates" in yaml.safe_load(block.body):
            read_card(path)
        else:
            load_recipe(path)
    elif block.language == "bash":
        assert subprocess.run(["bash", "-n", path], check=False).returncode == 0, place


def _check_part(body: str, place: str) -> None:
    """A part of a recipe is read on top of the defaults; each key of a part of a card by its own type."""
    part = yaml.safe_load(body)
    if isinstance(part, list):
        TypeAdapter(list[Template]).validate_python(part)
    elif "axes" in part:
        Path("page_study.yaml").write_text(body, encoding="utf-8")
        load_study("page_study.yaml")
    elif set(part) <= set(Recipe.model_fields):
        Recipe().replace(**part)
    else:
        assert set(part) <= set(Card.model_fields), f"{place}: neither part of a recipe nor of a card"
        for key, value in part.items():
            field = Card.model_fields[key]
            TypeAdapter(field.rebuild_annotation(), config=_lax(field.annotation)).validate_python(value)


def _lax(annotation: Any) -> Any:
    """Names of types are given as text here, as in a card."""
    is_model = isinstance(annotation, type) and hasattr(annotation, "model_fields")
    return None if is_model else {"arbitrary_types_allowed": True}


def _run(command: Command, block: Block, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = command.words
    program = PROGRAMS.get(words[0])
    assert program is not None, f"{place}: {words[0]} is no program that pages are tested with"
    capsys.readouterr()
    status = program(words, not block.not_run)
    printed = capsys.readouterr()
    typed = " ".join(words)
    assert status == 0, f"{place}: {typed} ended with status {status}: {printed.err}"
    if command.shown and not block.not_run:
        assert matches(command.shown, printed.out), f"{place}: {typed} does not print what is shown but\n{printed.out}"


def _openflan(words: tuple[str, ...], runs: bool) -> int:
    if runs:
        return main([shortened(word) for word in words[1:]])
    verb = next(word for word in words if word in VERBS)
    parser_of(verb).parse_args(words[words.index(verb) + 1 :])
    return 0


def _torchrun(words: tuple[str, ...], runs: bool) -> int:
    """Several processes are always tried by other tests; here, what each of them is told."""
    return _openflan(words[words.index("openflan") :], runs)


def _python(words: tuple[str, ...], runs: bool) -> int:
    if runs and words[1] == "-m":
        assert (CHECKOUT / words[2].replace(".", "/")).with_suffix(".py").is_file() or words[2] == "openflan"
    elif runs:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", list(words[1:]))
            runpy.run_path(str(CHECKOUT / words[1]), run_name="__main__")
    return 0


def _make(words: tuple[str, ...], _: bool) -> int:
    return subprocess.run(["make", "-n", *words[1:]], cwd=CHECKOUT, capture_output=True, check=False).returncode


def _pip(words: tuple[str, ...], _: bool) -> int:
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words:
        for extra in word.partition("[")[2].rstrip("]").split(",") if "[" in word else ():
            assert extra in extras, f"there is no extra {extra}"
    return 0


def _shell(words: tuple[str, ...], runs: bool) -> int:
    done = subprocess.run([*words], capture_output=True, text=True, check=False) if runs else None
    if done is not None:
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
    return done.returncode if done is not None else 0


def _sbatch(words: tuple[str, ...], _: bool) -> int:
    """The script has a test of its own; what follows its name is for `openflan train`."""
    return _openflan(("openflan", "train", *words[2:]), False)


def _nothing(*_: object) -> int:
    return 0


PROGRAMS: dict[str, Callable[[tuple[str, ...], bool], int]] = {
    "openflan": _openflan,
    "torchrun": _torchrun,
    "python": _python,
    "make": _make,
    "pip": _pip,
    "sbatch": _sbatch,
    **dict.fromkeys(("cat", "cp", "head", "ls", "mkdir", "mv"), _shell),
    **dict.fromkeys(("source", "squeue"), _nothing),
}
"""What pages may tell a reader to type, and how it is tried."""
