# Needs git, make and Python 3.11 or newer; `make setup` brings the rest into .venv.
# `make` alone lists what there is.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
MAKEFLAGS += --no-print-directory

# Where modules may not be kept compiled, every interpreter that the tests start compiles them again.
unexport PYTHONDONTWRITEBYTECODE

# One line per step; its output only when it fails.
step = @printf '  %-12s' '$(1)'; if out=$$($(2) 2>&1); then echo ok; \
	else code=$$?; echo FAILED; printf '%s\n' "$$out"; exit $$code; fi

# As its own recipe line: $(call environment,core|dev)
environment = @$(if $(PYTHON),,echo '  Python 3.11 or newer is needed, and none was found' >&2; exit 1;) \
	$(PYTHON) .ci/environment.py $(1)

.PHONY: help setup demo test test-all check fmt nightly frameworks bench lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## .venv with everything, at the locked versions
	$(call environment,dev)
	@echo '  .venv is ready: make demo, make test'

demo: ## the airline's agent, checked call by call
	$(call environment,core)
	@$(BIN)/python examples/airline/demo.py

test: ## the tests, on all cores, but for those that start many processes
	$(call environment,dev)
	@$(BIN)/pytest -n auto --no-header -m 'not long' $(ARGS)

test-all: ## all tests, on all cores
	$(call environment,dev)
	@$(BIN)/pytest -n auto --no-header $(ARGS)

check: ## what CI runs: style, types, layers, tests
	$(call environment,dev)
	$(call step,lint,$(BIN)/ruff check)
	$(call step,format,$(BIN)/ruff format --check)
	$(call step,types,$(BIN)/mypy --strict src)
	$(call step,layers,$(BIN)/lint-imports)
	@$(BIN)/pytest -n auto --no-header -m 'not long' $(ARGS)

fmt: ## format and fix (make fmt ARGS=src/licet/compiler for a part)
	$(call environment,dev)
	@$(BIN)/ruff check --fix --quiet $(ARGS); lint=$$?; $(BIN)/ruff format $(ARGS) && exit $$lint

nightly: ## all tests, 200,000 examples for each property
	$(call environment,dev)
	@LICET_HYPOTHESIS_PROFILE=nightly $(BIN)/pytest -n auto --no-header --timeout 0 $(ARGS)

frameworks: ## each framework's adapter at its newest version; writes the table of docs/adapters.md
	$(call environment,core)
	@$(BIN)/python .ci/frameworks.py $(ARGS)

bench: ## the benchmarks
	$(call environment,dev)
	@$(BIN)/pytest benchmarks --no-header --benchmark-only $(ARGS)

# Keeps the versions that still fit; make lock ARGS=--upgrade takes the newest. No host of a
# registry is written (a uv.lock would hold hundreds), so uv.lock is not committed.
lock: ## requirements*.lock from pyproject.toml
	$(call environment,core)
	$(call step,everything,$(compile) --extra all --group dev -o requirements.lock)
	$(call step,service,$(compile) $(SERVED:%=--extra %) -c requirements.lock -o requirements-service.lock)
	$(call step,core,$(compile) --group build -c requirements.lock -o requirements-core.lock)

# What the container image has.
SERVED := service postgres telemetry hooks

compile = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --quiet \
	--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' $(ARGS)
