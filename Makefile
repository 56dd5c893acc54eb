# Two commands on a fresh machine: `make run` and `make test`. Everything is installed inside .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q
TOOL   := $(BIN)/python -m scripts.check_web run

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev web web-api web-test run demo test lint types house unit bench clean

help:            ## what can be made
	@grep -hE '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# torch comes first and pinned, so that every later package finds it already there. Installing Redraw builds its page
# (hatch_build.py) with Node from PyPI, which stays inside pip's own build environment.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Redraw needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt torch==2.13.0
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/ready-dev: $(VENV)/ready
	$(PIP) install -c constraints.txt -e '.[dev,heic]'
	touch $@

setup: $(VENV)/ready            ## install Redraw into .venv
setup-dev: $(VENV)/ready-dev    ## and what the tests need

web: setup       ## build the page again if web/ changed
	@$(BIN)/python -m scripts.build_web

web-api: setup-dev   ## write the page's typed client anew from the server's schema
	$(BIN)/python -m scripts.check_web api --write

run: web         ## set up, start the server with the starter model and open it; Ctrl-C ends it
	$(BIN)/redraw serve --open-browser

demo: setup      ## redraw an example picture in the terminal
	$(BIN)/redraw demo

test: lint types house web-test unit    ## everything CI checks

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-dev
	$(BIN)/mypy

house: setup-dev
	$(BIN)/lint-imports

web-test: setup-dev web         ## the page's own checks
	$(TOOL) eslint . --max-warnings 0
	$(TOOL) vue-tsc --noEmit -p tsconfig.json
	$(TOOL) vitest run
	$(TOOL) knip
	$(BIN)/python -m scripts.check_web size
	$(BIN)/python -m scripts.check_web api

unit: setup-dev web
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --ignore tests/web
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/web

bench: setup-dev ## ratios against diffusers in the same run
	$(BIN)/python benchmarks/run.py

clean:           ## remove what was installed and built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache web/node_modules src/redraw/server/static
