# `make up` runs fleet, `make test` proves it. Everything lives in .venv; nothing else is needed
# but Python 3.11 to 3.13 and, for the tests, a Debian that may install packages.

.PHONY: help up demo test pages screenshots coverage check format lock bench clean ready built parts

VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that runs and is new enough; `make PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, ssl, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV_COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-annotate --quiet

# What browsers get is built from `frontend`; Node is the machine's, or comes as a Python package.
PAGES := web/pages/static/manifest.json
PAGE_SOURCES := $(wildcard frontend/*.json frontend/build.mjs frontend/src/*.ts frontend/styles/*.css)

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

up: $(VENV)/.runtime $(PAGES) ## Make the environment and run fleet (ARGS="--config hosts.toml")
	@$(BIN)/fleet up $(ARGS)

demo: ready ## Three real Engines with containers, and fleet on top; Ctrl-C cleans up
	@$(BIN)/python -m tests.lab.demo $(ARGS)

pages: $(VENV)/bin/python $(PAGES) ## Build the scripts and the stylesheet of the pages

test: ready ## All tests against real Engines, sshd and PostgreSQL (ARGS="-k pool -n 0")
	@$(BIN)/python -m tests.run $(ARGS)

coverage: ready ## The same, and which lines they did not run (far slower before Python 3.12)
	@$(BIN)/python -m tests.run --cov --cov-report=term $(ARGS)

check: $(VENV)/.dev $(PAGES) ## Linters, formatting, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m frontend.build --check

format: $(VENV)/.dev ## Format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: ready ## Figures beside peers, with short settings (about eight minutes)
	@$(BIN)/python -m bench $(ARGS)

screenshots: ready ## Take the pictures of the pages in docs/screenshots anew (about eight minutes)
	@$(BIN)/python -m tests.pages.screenshots $(ARGS)

lock: $(VENV)/.dev ## Lock the dependencies anew, with hashes
	$(UV_COMPILE) pyproject.toml requirements/build.in -o requirements/runtime.txt
	$(UV_COMPILE) pyproject.toml requirements/build.in --extra otel -o requirements/container.txt
	$(UV_COMPILE) pyproject.toml requirements/build.in --extra otel --group dev --group bench -o requirements/dev.txt
	$(UV_COMPILE) requirements/node.in -o requirements/node.txt

clean: ## Remove the environment and what tools left behind
	rm -rf $(VENV) web/pages/static frontend/node_modules build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage

# The lab's programs come from far away while pip works here: each takes more than a minute.
ready:
	@$(MAKE) --no-print-directory --jobs=2 parts built

built: $(VENV)/.dev
	@$(MAKE) --no-print-directory --silent $(PAGES)

parts: | $(VENV)/bin/python
	@$(BIN)/python -m tests.lab.packages

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "fleet needs Python 3.11, 3.12 or 3.13 with venv: install one (Debian: apt-get install python3-venv), or say make PYTHON=/path/to/python"; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(PAGES): $(PAGE_SOURCES) | $(VENV)/bin/python
	@echo "building the pages (half a minute the first time)"
	@$(BIN)/python -m frontend.build

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@test -e $(VENV)/.dev || { echo "installing what fleet needs (a minute)"; $(PIP) install --require-hashes -r requirements/runtime.txt; }
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing what fleet and its tests need (a minute)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime
