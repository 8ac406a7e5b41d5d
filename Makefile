# One command per task; `make` alone lists them. CI runs the same ones (.ci/run).
#
# setup needs Python >= 3.11 with pip >= 22.3 and nothing else: the virtual environment is made without ensurepip (Debian
# keeps that in a package of its own) and filled from outside, so that an "externally managed" Python is no obstacle.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.complete
PYTEST := $(PY) -m pytest
# Whoever has nothing left to do takes over from a worker that has: tests take from a millisecond to a minute.
PARALLEL := $(PYTEST) -n auto --dist worksteal
# Finds or starts RabbitMQ and PostgreSQL once, for all of the command's processes.
SERVICES := $(PY) -m bridge.localenv run --
SOURCES := bridge tests benchmarks

# Tests start many processes; each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo run conformance docs pictures test test-stress lint types unit integration bench bench-full chaos hostile audit sbom format lock clean
# One thing after another: `make -j test` must not mix their output.
.NOTPARALLEL:

help: ## list every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20
	@echo
	@echo "  PYTHON=python3.12 make setup      takes another Python (>= 3.11)"
	@echo "  BRIDGE_BROKER_URL=amqp://...      takes this RabbitMQ (demo, run, test)"
	@echo "  BRIDGE_TEST_DATABASE_URL=postgresql+asyncpg://...   takes this PostgreSQL (test)"
	@echo "  BRIDGE_LOCALENV=child,memory      looks for services only there, in that order; known:"
	@echo "                                    env, localhost, container, child, apt, memory"
	@echo "  CI=true make test                 a missing RabbitMQ or PostgreSQL is a failure, not a skip"

setup: $(STAMP) ## make .venv with the locked dependencies (does nothing when it is complete)
	@:

demo: setup ## set everything up and play the main job: WFM, bridge and Buyer, checked step by step
	@$(PY) -m bridge demo

run: setup ## start the bridge with a simulated WFM and Buyer and leave it running
	@$(PY) -m bridge demo --stay

conformance: setup ## hold the bridge to MEF 137, requirement by requirement
	@$(PY) -m bridge conformance

pictures: setup ## take a picture of each page of the console (docs/img), in Chromium
	@$(PY) -m tests.console.pictures

docs: setup ## write what docs/ has from the code: conformance.md, the tables of pack-reference.md, pack.schema.json
	@MEF_BRIDGE_WRITE_DOCS=1 $(PYTEST) -q tests/unit/mapping/test_reference.py tests/unit/mapping/test_schema.py \
	    tests/unit/domain/test_goal_table.py
	@MEF_BRIDGE_WRITE_DOCS=1 $(SERVICES) $(PYTEST) -q -p no:randomly tests/conformance

test: setup lint types ## lint, types and all tests, on a real RabbitMQ and a real PostgreSQL
	@echo "test: all tests"
	@$(SERVICES) $(PARALLEL)

test-stress: setup ## all tests on a machine that is kept busy: a load average of four a core at least (docs/testing.md)
	@echo "test-stress: all tests, beside CPU burners"
	@$(SERVICES) $(PY) -m tests.stress $(PARALLEL)

lint: setup ## ruff: rules and formatting
	@echo "lint: ruff check, ruff format --check"
	@$(PY) -m ruff check --quiet $(SOURCES)
	@$(PY) -m ruff format --check --quiet $(SOURCES)

types: setup ## mypy --strict
	@echo "types: mypy --strict"
	@$(PY) -m mypy

unit: setup ## unit tests only: no services, about a minute on two cores
	@$(PARALLEL) -q tests/unit

integration: setup ## tests on a real RabbitMQ and a real PostgreSQL only
	@$(SERVICES) $(PARALLEL) -m integration

bench: setup ## measure all goals against bare baselines, in about ten minutes (docs/benchmarks.md)
	@$(SERVICES) $(PY) -m benchmarks

bench-full: setup ## the same, with a million events and reads on a million WorkOrders, which take half an hour or more
	@$(SERVICES) $(PY) -m benchmarks full

chaos: setup ## let everything around the bridge fail while jobs go on, and look for what is lost (CHAOS="--seed 2 --kills 30")
	@$(SERVICES) $(PY) -m benchmarks.chaos $(CHAOS)

hostile: setup ## send every pack 100,000 damaged messages: all must end with an explanation, none hang or grow memory
	@$(PY) -m benchmarks.hostile

audit: setup ## bandit over the code, and pip-audit over what is installed in production (asks PyPI for what is known)
	@echo "audit: bandit, pip-audit"
	@$(VENV)/bin/bandit --quiet --recursive --configfile pyproject.toml bridge
	@$(VENV)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.runtime.lock

sbom: setup ## write build/sbom.json: what is installed in production, as CycloneDX (from requirements.runtime.lock)
	@mkdir -p build
	@$(VENV)/bin/cyclonedx-py requirements requirements.runtime.lock --pyproject pyproject.toml --output-reproducible \
	    --of JSON --output-file build/sbom.json
	@echo "sbom: build/sbom.json"

format: setup ## let ruff format and repair what it can
	@$(PY) -m ruff format --quiet $(SOURCES)
	@$(PY) -m ruff check --fix --quiet $(SOURCES)

lock: setup ## write both lock files again from pyproject.toml (pins that still fit are kept)
	@echo "lock: requirements.lock, requirements.runtime.lock"
	@$(call pip,install -qq uv)
	@$(call uv-compile,--extra dev --output-file requirements.lock)
	@$(call uv-compile,--constraints requirements.lock --output-file requirements.runtime.lock)

clean: ## remove the virtual environment, caches and local state
	@echo "clean: .venv, caches, var"
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis var build dist
	@find bridge tests -name __pycache__ -type d -prune -exec rm -rf {} +

# No address of an index or a wheel directory may end up in the locks, whatever this machine is set up with.
uv-compile = env -u PIP_FIND_LINKS -u UV_FIND_LINKS $(VENV)/bin/uv pip compile pyproject.toml --universal \
    --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --quiet \
    --custom-compile-command "make lock" $(1)
pip = $(PYTHON) -m pip --disable-pip-version-check --no-input --python $(PY) $(1)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "setup: this needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import pip, sys; sys.exit(tuple(int(n) for n in pip.__version__.split(".")[:2]) < (22, 3))' 2>/dev/null || { \
	    echo "setup: this needs pip 22.3 or newer for $(PYTHON). On Debian or Ubuntu: apt-get install python3-pip" >&2; exit 1; }
	@echo "setup: making $(VENV) with $$($(PYTHON) --version) from requirements.lock"
	@$(PYTHON) -m venv --without-pip $(VENV)
	@$(call pip,install -qq --require-hashes -r requirements.lock)
	@$(call pip,install -qq --no-deps --no-build-isolation -e .)
	@touch $@
