# make demo · make test · make help

PYTHON ?= python3
BIN := .venv/bin
DISTRIBUTIONS := protos services/common/wire services/common/runtime services/common/models \
  services/mask services/proposals services/clustering services/specializer client demo evaluation
MANIFESTS := $(addsuffix /pyproject.toml,$(DISTRIBUTIONS))
BUF_VERSION := 1.75.0
BUF := .tools/node_modules/.bin/buf

OUT ?= runs/demo

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long bench lint format protos check-protos lint-protos serve clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/ready ## Make the environment (.venv); the other targets do it by themselves

.venv/ready: constraints.txt requirements-dev.txt $(MANIFESTS)
	@echo "making the environment in .venv (once; some minutes)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --requirement requirements-dev.txt \
	  $(addprefix --editable ,$(DISTRIBUTIONS))
	touch $@

demo: setup ## Summarize a class of a world whose parts are known, and hold it against them (3 minutes)
	@$(BIN)/python -m visum_demo.demo --out $(OUT)

test: setup ## Hold every fact in its smallest form (at most 10 minutes)
	$(BIN)/python -m pytest

test-long: setup ## Hold the full counts
	$(BIN)/python -m pytest -m long --timeout 7200

bench: setup ## Measure speed, as ratios
	$(BIN)/python -m benchmarks.masks
	$(BIN)/python -m benchmarks.mask_clients
	$(BIN)/python -m benchmarks.matching
	$(BIN)/python -m benchmarks.class_run
	$(BIN)/python -m benchmarks.clustering
	$(BIN)/python -m benchmarks.specializer

lint: setup check-protos lint-protos ## Check style, types and protos
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## Write code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv-protos/ready: requirements-protos.txt
	test -x .venv-protos/bin/python || $(PYTHON) -m venv .venv-protos
	.venv-protos/bin/python -m pip install --quiet --requirement requirements-protos.txt
	touch $@

protos: .venv-protos/ready ## Write the stubs beside the .proto files
	PATH="$(CURDIR)/.venv-protos/bin:$$PATH" protos/generate.sh

check-protos: .venv-protos/ready ## Fail where the committed stubs are not those of the .proto files
	PATH="$(CURDIR)/.venv-protos/bin:$$PATH" protos/check.sh

lint-protos: ## Check the style of the .proto files with buf, where npm can install it
	BUF=$(CURDIR)/$(BUF) BUF_VERSION=$(BUF_VERSION) protos/lint.sh

serve: setup ## Start the four services on this machine
	$(BIN)/visum serve

clean: ## Remove environments and caches
	rm -rf .venv .venv-protos .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis
