# Every target makes its own virtual environment when there is none: Python >= 3.11 and pip are all it takes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: quickstart test lint types check bench bench-eval bench-train clean

quickstart: $(VENV)/.all
	$(BIN)/openflan quickstart

test: $(VENV)/.dev
	$(BIN)/python -m pytest

# The same tests with the oldest version of everything that pyproject.toml allows.
.PHONY: test-oldest
test-oldest: .venv-oldest/.dev
	.venv-oldest/bin/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/openflan lint

types: $(VENV)/.dev
	$(BIN)/mypy

check: lint types test

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

bench-eval: $(VENV)/.bench
	$(BIN)/python -m benchmarks.bench_eval

bench-train: $(VENV)/.bench
	$(BIN)/python -m benchmarks.bench_train --shapes 19M 135M

# `all` is what a user installs; `dev` adds the tests' tools, `bench` the peers that benchmarks run against.
$(VENV)/.%: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$*]'
	@touch $@

.venv-oldest/.dev: pyproject.toml tools/oldest.py
	$(PYTHON) -m venv .venv-oldest
	$(PYTHON) tools/oldest.py > .venv-oldest/oldest.txt
	.venv-oldest/bin/python -m pip install --quiet --constraint .venv-oldest/oldest.txt --editable '.[dev]'
	@touch $@

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) .venv-oldest
