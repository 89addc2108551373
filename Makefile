# Every target makes its own virtual environment when there is none: Python >= 3.11 and pip are all it takes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# A test process for each core, up to four, and a core for each of them.
PYTEST := -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

.PHONY: quickstart test lint types check docs docs-serve tutorial bench bench-eval bench-train bench-playground
.PHONY: reliability clean

quickstart: $(VENV)/.all
	$(BIN)/openflan quickstart

test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python $(PYTEST)

# The same tests with the oldest version of everything that pyproject.toml allows.
.PHONY: test-oldest
test-oldest: .venv-oldest/.test
	OMP_NUM_THREADS=1 .venv-oldest/bin/python $(PYTEST)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/openflan lint

types: $(VENV)/.dev
	$(BIN)/mypy

check: lint types test

# The pages of the command line and of recipes are made from the code, the tutorial from what its notebook keeps.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

docs-serve: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve

# Runs the notebook anew with the small model: some minutes.
tutorial: $(VENV)/.all $(VENV)/.docs
	$(BIN)/python -m website.notebook docs/tutorial/first_run.ipynb

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

bench-eval: $(VENV)/.bench
	$(BIN)/python -m benchmarks.bench_eval

bench-train: $(VENV)/.bench
	$(BIN)/python -m benchmarks.bench_train --shapes 19M 135M

# Both campaigns, and their tables in docs/reliability.md.
reliability: $(VENV)/.dev
	$(BIN)/python -m benchmarks.reliability

bench-playground: $(VENV)/.dev
	$(BIN)/python -m benchmarks.bench_playground runs/quickstart

# `all` is what a user installs; `dev` adds the tests' tools, `bench` the peers that benchmarks run against.
$(VENV)/.%: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$*]'
	@touch $@

# Without the peers, whose own floors are higher.
.venv-oldest/.test: pyproject.toml tools/oldest.py
	$(PYTHON) -m venv .venv-oldest
	$(PYTHON) tools/oldest.py > .venv-oldest/oldest.txt
	.venv-oldest/bin/python -m pip install --quiet --constraint .venv-oldest/oldest.txt --editable '.[test]'
	@touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) .venv-oldest
