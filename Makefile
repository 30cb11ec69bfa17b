# Every target works alone on a fresh clone that has python3 (3.11 or newer) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY3 := .venv-pandas3/.ready
JOBS ?= 2

.PHONY: help setup replicate readme test test-pandas3 lint bench recovery docs linkcheck notebooks test-browser release-data release clean
.DELETE_ON_ERROR:

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(READY) ## create .venv/ with the library (editable) and the development extras

replicate: $(READY) ## published BIP figures against the packaged synthetic study
	$(BIN)/bipstats replicate

readme: $(READY) ## the README's lines of the ledger and its picture, from the command's own report
	$(BIN)/python -m tests.readme

test: $(READY) ## all tests
	$(BIN)/python -m pytest -q -n $(JOBS)

test-pandas3: $(READY3) ## the fast tests on pandas 3 and lifelines 0.30.0
	.venv-pandas3/bin/python -m pytest -q -n $(JOBS) -m "not slow and not browser"

test-browser: $(READY) ## the report in Chromium, which is installed if it is absent (Debian or Ubuntu, as root)
	@$(get_chromium)
	$(BIN)/python -m pytest -q -m browser tests/browser

lint: $(READY) ## style, types, import rules, file lengths, the architecture page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/house.py

SHAPES ?=

bench: $(VENV)/.bench ## time, memory and agreement beside R and Python peers (SHAPES=W10: the largest data)
	$(BIN)/python benchmarks/run.py $(SHAPES)

STUDIES ?= 1000

recovery: $(READY) ## bias and coverage on studies of known truth, from where it stopped (STUDIES=1000, JOBS=2)
	$(BIN)/python -m tests.recovery --studies $(STUDIES) --jobs $(JOBS)

docs: $(VENV)/.docs ## the documentation site, in docs/_build/html/; warnings are errors
	@rm -rf docs/api docs/_build
	$(BIN)/python -m sphinx -q -W --keep-going -j $(JOBS) -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

linkcheck: $(READY) ## addresses and DOIs in pages, docstrings and codebook (needs a network; says so if there is none)
	$(BIN)/python tests/links.py

NOTEBOOKS ?= notebooks/*.ipynb

notebooks: $(VENV)/.notebook ## run the notebooks (NOTEBOOKS=notebooks/01*.ipynb: some), and see that each agrees with its .py
	$(BIN)/python tests/pairs.py
	@# One BLAS thread for each kernel: several kernels with several threads on few cores wait for each other.
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) --nbmake --nbmake-timeout=120 $(NOTEBOOKS)

release-data: $(READY) ## write the released synthetic study anew, bit for bit
	$(BIN)/python -m bipstats.synthetic.release synthetic

release: lint test test-pandas3 docs notebooks test-browser $(VENV)/.build ## all checks; then dist/, tried in an environment of its own
	rm -rf dist .venv-release
	$(BIN)/python -m hatchling build -t sdist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist dist/bipstats-*.tar.gz
	$(PYTHON) -m venv .venv-release
	.venv-release/bin/python -m pip install --quiet --disable-pip-version-check -c constraints/locked.txt dist/bipstats-*.whl
	cd dist && ../.venv-release/bin/python -c "import bipstats as bip; print(bip.load_synthetic())"

clean: ## remove the environments, the built pages and packages, and reports
	rm -rf $(VENV) .venv-pandas3 .venv-release docs/_build docs/api docs/notebooks/*.ipynb dist bipstats-report

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

define get_chromium
if { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then :; \
elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	echo "Installing Chromium (once) ..."; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
else \
	echo "test-browser needs Chromium or Chrome on the PATH. On Debian: sudo apt-get install chromium"; exit 1; \
fi
endef

$(READY): pyproject.toml constraints/locked.txt
	$(call new_venv,$(VENV),constraints/locked.txt,dev)

$(READY3): pyproject.toml constraints/pandas3.txt
	$(call new_venv,.venv-pandas3,constraints/pandas3.txt,dev)

# The extras docs, notebook, build and bench, each installed once into the same environment.
$(VENV)/.%: $(READY)
	@echo "Adding what $* needs to $(VENV)/ (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints/locked.txt -e '.[$*]'
	@touch $@
