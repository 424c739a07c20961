# Needs Python 3.11+ and a network to the package registries; everything else is fetched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.PHONY: help up demo doctor test fuzz check format bench micro peers load load-ui hostile chaos chaos-long clean lock proto docs

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Sluice needs Python 3.11 or newer, this is %s" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements/runtime.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/runtime.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(DEV): requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@ $(RUNTIME)

up: $(RUNTIME) ## Run the whole stack on this machine
	@exec $(BIN)/python -m sluice up

demo: $(RUNTIME) ## Send a realistic mixture of traces to the running stack
	@exec $(BIN)/python -m sluice demo

doctor: $(RUNTIME) ## Check what the stack needs and say what to do
	@exec $(BIN)/python -m sluice doctor

test: $(DEV) ## Run the tests (the chaos suite is `make chaos`)
	$(BIN)/python -m pytest -m "not chaos"

fuzz: $(DEV) ## Run the property tests on new and many more examples
	$(BIN)/python -m pytest tests/property --hypothesis-profile=fuzz --timeout=1800

hostile: $(DEV) ## Send ten thousand hostile requests to a running gateway (HOSTILE_SEED, HOSTILE_REQUESTS)
	$(BIN)/python -m pytest -s tests/embedded/test_hostile.py

chaos: $(DEV) ## Faults under load, two minutes of a schedule among them, compared with the ledger
	$(BIN)/python -m pytest -m chaos
	$(BIN)/python -m loadtest.chaos --seed 48 --seconds 120

chaos-long: $(DEV) ## Ten minutes of faults on each of three seeds
	for seed in 1 2 3; do $(BIN)/python -m loadtest.chaos --seed $$seed --seconds 600 || exit 1; done

check: $(DEV) ## Format, lint, types, import contracts, schemas, generated files, speed of hot functions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m contract.compatibility
	$(BIN)/python -m sluice settings --check docs/settings.md
	$(BIN)/python -m sluice metrics --check docs/metrics.md
	$(BIN)/python -m loadtest.micro.ratios

format: $(DEV) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV) ## Measure gateway, processor, sink and end to end
	$(BIN)/python -m loadtest.bench

micro: $(DEV) ## Measure the hot functions one by one
	$(BIN)/python -m loadtest.micro

$(VENV)/peers/.installed: requirements/peers.lock | $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/peers.lock
	@touch $@

peers: $(DEV) $(VENV)/peers/.installed ## Sluice beside quixstreams and ClickHouse's Kafka engine, in one run
	$(BIN)/python -m loadtest.peers

load: $(DEV) ## Load on a whole stack with the ledger along (LOAD_SHAPE=thousand LOAD_SECONDS=…, docs/loadtest.md)
	@exec $(BIN)/python -m loadtest.load

load-ui: $(DEV) ## Locust's web page on loopback, with users of every protocol (docs/loadtest.md)
	@exec $(BIN)/python -m loadtest.users

proto: $(DEV) ## Generate the gRPC stubs
	$(BIN)/python -m grpc_tools.protoc -Icontract/generated=proto/sluice/v1 -I$$($(BIN)/python -c 'import google.rpc, pathlib; print(pathlib.Path(google.rpc.__path__[0]).parent.parent)') \
		--python_out=. --pyi_out=. --grpc_python_out=. contract/generated/ingest.proto

docs: $(RUNTIME) ## Generate docs/settings.md and docs/metrics.md
	$(BIN)/python -m sluice settings --markdown > docs/settings.md
	$(BIN)/python -m sluice metrics --markdown > docs/metrics.md

lock: $(DEV) ## Write the lock files
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra build pyproject.toml -o requirements/runtime.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml -o requirements/dev.lock
	$(BIN)/uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate requirements/peers.in -o requirements/peers.lock

clean: ## Remove the environment, caches and local data
	rm -rf $(VENV) .sluice .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
