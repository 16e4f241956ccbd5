# Two commands on a fresh machine: make demo, make test.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint types format chaos hostile bench bench-quick lock clean

demo: .venv/.installed
	$(BIN)/python ops/demo.py

test: .venv/.installed lint types
	$(BIN)/pytest

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.installed
	$(BIN)/mypy

# CHAOS_SEED=7 make chaos
chaos: .venv/.installed
	$(BIN)/python -m ops.chaos

# HOSTILE_SEED=7 make hostile
hostile: .venv/.installed
	$(BIN)/python -m ops.hostile

# Half an hour; its peers live in an environment of their own. A part alone: make bench BENCH="--only jobs"
bench: .venv/.bench
	.venv/bench/bin/python -m ops.benchmarks $(BENCH)

bench-quick: .venv/.bench
	.venv/bench/bin/python -m ops.benchmarks --quick

format: .venv/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Pinned versions with hashes, and no line that says where they were fetched from.
lock: .venv/.installed
	$(BIN)/pip install -q pip-tools
	$(BIN)/pip-compile -q pyproject.toml --extra embedded --extra test -o requirements.lock --generate-hashes \
		--strip-extras --no-header --allow-unsafe
	$(BIN)/pip-compile -q pyproject.toml --extra embedded --extra bench -o ops/benchmarks/requirements.lock \
		--generate-hashes --strip-extras --no-header --allow-unsafe
	sed -i '/^--/d' requirements.lock ops/benchmarks/requirements.lock

.venv/.installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

.venv/.bench: .venv/.installed ops/benchmarks/requirements.lock
	$(PYTHON) -m venv .venv/bench
	.venv/bench/bin/pip install -q --disable-pip-version-check --require-hashes -r ops/benchmarks/requirements.lock
	.venv/bench/bin/pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

clean:
	rm -rf .venv .spine build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
