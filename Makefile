# Two commands on a fresh machine: make demo, make test. While you work: make quick.
PYTHON ?= python3
PY := .venv/bin/python
# Tests wait as much as they compute: more processes than the machine has cores.
WORKERS ?= 6
PARALLEL := -n $(WORKERS) --dist loadgroup --no-loadscope-reorder
# A part alone: make test TESTS=tests/temporal
TESTS ?=

# Each test starts programs: compiled once, and not by each of them, whatever who runs make has set.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo walk pictures reference docs test quick coverage lint types format chaos hostile bench bench-quick lock clean

demo: .venv/.installed
	$(PY) -m ops.demo

# What a new user does, from an empty machine's home to a job of his own that Temporal starts.
walk: .venv/.installed
	$(PY) -m ops.walk

# The pictures of README and docs, drawn anew by the commands from a run on real servers.
pictures: .venv/.installed
	$(PY) -m ops.pictures

# The pages as a site, in build/docs; each warning is an error, a link that leads nowhere too.
docs: .venv/.docs
	.venv/docs/bin/python -m sphinx -q -W --keep-going -n -c docs . build/docs
	@echo "build/docs/docs/index.html"

# The reference of the command line, from the program itself.
reference: .venv/.installed
	$(PY) -m ops.cli_reference

test: .venv/.installed lint types
	sh ops/in_memory.sh $(PY) -m pytest $(PARALLEL) $(TESTS)

# What a minute can tell: lint, types, and the tests that need no server.
quick: .venv/.installed lint types
	$(PY) -m pytest -q -n auto -m "not server" $(TESTS)

# Of this process alone: what the commands do as programs of their own is tested and not counted.
coverage: .venv/.installed
	sh ops/in_memory.sh $(PY) -m pytest -q $(PARALLEL) --cov --cov-report=term:skip-covered $(TESTS)

lint: .venv/.installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: .venv/.installed
	$(PY) -m mypy

# CHAOS_SEED=7 make chaos
chaos: .venv/.installed
	$(PY) -m ops.chaos

# HOSTILE_SEED=7 make hostile
hostile: .venv/.installed
	$(PY) -m ops.hostile

# Half an hour; its peers live in an environment of their own. A part alone: make bench BENCH="--only jobs"
bench: .venv/.bench
	.venv/bench/bin/python -m ops.benchmarks $(BENCH)

bench-quick: .venv/.bench
	.venv/bench/bin/python -m ops.benchmarks --quick

format: .venv/.installed
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# Pinned versions with hashes, and no line that says where they were fetched from. What stands is kept; a newer version
# comes with PIP_COMPILE="--upgrade-package NAME".
COMPILE = $(PY) -m piptools compile -q --generate-hashes --no-strip-extras --no-header --allow-unsafe $(PIP_COMPILE)
LOCKS := requirements.lock ops/requirements.lock ops/build.lock ops/benchmarks/requirements.lock docs/requirements.lock
lock: .venv/.installed
	$(PY) -m pip install -q --disable-pip-version-check pip-tools==7.6.2
	$(COMPILE) pyproject.toml --extra embedded --extra finra --extra otel --extra test -o requirements.lock
	$(COMPILE) pyproject.toml -c requirements.lock --extra finra --extra otel -o ops/requirements.lock
	$(COMPILE) pyproject.toml --only-build-deps --all-build-deps -o ops/build.lock
	$(COMPILE) pyproject.toml --extra embedded --extra finra --extra bench -o ops/benchmarks/requirements.lock
	$(COMPILE) pyproject.toml -c requirements.lock --extra docs -o docs/requirements.lock
	sed -i -e '/^--/d' -e '/^# The following packages are considered to be unsafe/d' -e '/./,$$!d' $(LOCKS)

.venv/.installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(PY) -m pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

.venv/.bench: .venv/.installed ops/benchmarks/requirements.lock
	$(PYTHON) -m venv .venv/bench
	.venv/bench/bin/pip install -q --disable-pip-version-check --require-hashes -r ops/benchmarks/requirements.lock
	.venv/bench/bin/pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

.venv/.docs: .venv/.installed docs/requirements.lock
	$(PYTHON) -m venv .venv/docs
	.venv/docs/bin/pip install -q --disable-pip-version-check --require-hashes -r docs/requirements.lock
	.venv/docs/bin/pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

clean:
	rm -rf .venv .spine build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
