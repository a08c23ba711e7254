# Passerelle: everything is done in .venv in this folder. `make` lists what there is.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
STAMP := $(VENV)/.installed
export PORT

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Passerelle needs Python 3.11 or newer."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python cannot make a virtual environment; on Debian install python3-venv."; exit 2; }
	@echo "Installing. This downloads about 450 MB, or several GB with CUDA: see README."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: $(STAMP) ## make the virtual environment

demo: $(STAMP) ## load the starter graph, start the service, show a first match
	@$(BIN)/passerelle serve --demo

serve: $(STAMP) ## start the service
	@$(BIN)/passerelle serve

test: $(STAMP) ## run the unit tests (a minute or two)
	@$(BIN)/pytest -n 2

test-marked: $(STAMP) ## run the slow tests: model, wheel, README, real data, other programs
	@$(BIN)/pytest -m 'model or wheel or data or clients'

lint: $(STAMP) ## check style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint test ## lint, types, layers and unit tests

bench: $(STAMP) ## print speed and size on this machine
	@$(BIN)/python -m benchmarks

wheel: $(STAMP) ## build the wheel into dist/
	@$(BIN)/python -m hatchling build -t wheel

clean: ## remove what was built here (not your data)
	@rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.PHONY: help setup demo serve test test-marked lint check bench wheel clean
