# Every target works alone on a fresh clone that has python3 (3.11 or newer) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY3 := .venv-pandas3/.ready
JOBS ?= 2

.PHONY: help setup replicate test test-pandas3 lint bench docs notebooks test-browser release-data release clean
.DELETE_ON_ERROR:

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(READY) ## create .venv/ with the library (editable) and the development extras

replicate: $(READY) ## published BIP figures against the packaged synthetic study
	$(BIN)/bipstats replicate

test: $(READY) ## all tests
	$(BIN)/python -m pytest -q -n $(JOBS)

test-pandas3: $(READY3) ## the fast tests on pandas 3 and lifelines 0.30.0
	.venv-pandas3/bin/python -m pytest -q -n $(JOBS) -m "not slow"

lint: $(READY) ## style, types, import rules, file lengths, the architecture page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/house.py

bench: $(READY) ## time and agreement beside R and Python peers, as far as they are installed
	$(BIN)/python benchmarks/run.py

release-data: $(READY) ## write the released synthetic study anew, bit for bit
	$(BIN)/python -m bipstats.synthetic.release synthetic

clean: ## remove the environments and reports
	rm -rf $(VENV) .venv-pandas3 bipstats-report

# A tool must not only exist: Debian's python3 has venv without ensurepip until python3-venv is installed.
define new_venv
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "bipstats needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	{ echo "python3 cannot create virtual environments (ensurepip is missing). On Debian or Ubuntu: apt install python3-venv"; exit 1; }
@echo "Setting up $(1)/ (once) ..."
@rm -rf $(1) && $(PYTHON) -m venv $(1)
@$(1)/bin/python -m pip install --quiet --disable-pip-version-check -c $(2) -e '.[$(3)]'
@touch $(1)/.ready
endef

$(READY): pyproject.toml constraints/locked.txt
	$(call new_venv,$(VENV),constraints/locked.txt,dev)

$(READY3): pyproject.toml constraints/pandas3.txt
	$(call new_venv,.venv-pandas3,constraints/pandas3.txt,dev)
