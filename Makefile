# make demo · make test · make help

PYTHON ?= python3
BIN := .venv/bin
DISTRIBUTIONS := protos services/common/wire services/common/runtime services/common/models \
  services/mask services/proposals services/clustering services/specializer client demo evaluation
MANIFESTS := $(addsuffix /pyproject.toml,$(DISTRIBUTIONS))
BUF_VERSION := 1.75.0
BUF := .tools/node_modules/.bin/buf

OUT ?= runs/demo

VERSION := 0.1.0
REVISION := $(shell git rev-parse --short HEAD 2>/dev/null)
CONTAINER ?= docker
IMAGE_PREFIX ?=
IMAGES := mask-cpu mask-cuda specializer-cpu specializer-cuda proposals clustering client

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long bench docs lint format protos check-protos lint-protos serve manifests images clean

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

.venv-%/ready: requirements-%.txt
	test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --requirement $<
	touch $@

.venv-tools/ready: requirements-tools.txt .venv/ready
	test -x .venv-tools/bin/python || $(BIN)/python -m venv .venv-tools
	$(BIN)/python -c "import site; print(f'import site; site.addsitedir({site.getsitepackages()[0]!r})')" \
	  > $$(.venv-tools/bin/python -c "import site; print(site.getsitepackages()[0])")/project.pth
	.venv-tools/bin/python -m pip install --quiet --requirement $<
	touch $@

test: setup .venv-s3/ready ## Hold every fact in its smallest form (at most 10 minutes)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test-long: setup .venv-s3/ready .venv-tools/ready .venv-fiftyone/ready .venv-labelstudio/ready .venv-kfp/ready ## Hold the full counts
	$(BIN)/python -m pytest -m long --timeout 7200
	.venv-tools/bin/python -m pytest -m long tests/tools

bench: setup ## Measure speed, as ratios
	$(BIN)/python -m benchmarks.masks
	$(BIN)/python -m benchmarks.mask_clients
	$(BIN)/python -m benchmarks.matching
	$(BIN)/python -m benchmarks.class_run
	$(BIN)/python -m benchmarks.clustering
	$(BIN)/python -m benchmarks.specializer
	$(BIN)/python -m benchmarks.services

docs: setup ## Build the documents as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

lint: setup check-protos lint-protos ## Check style, types and protos
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## Write code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

protos: .venv-protos/ready ## Write the stubs beside the .proto files
	PATH="$(CURDIR)/.venv-protos/bin:$$PATH" protos/generate.sh

check-protos: .venv-protos/ready ## Fail where the committed stubs are not those of the .proto files
	PATH="$(CURDIR)/.venv-protos/bin:$$PATH" protos/check.sh

lint-protos: ## Check the style of the .proto files with buf, where npm can install it
	BUF=$(CURDIR)/$(BUF) BUF_VERSION=$(BUF_VERSION) protos/lint.sh

serve: setup ## Start the four services on this machine
	$(BIN)/visum serve

manifests: setup ## Render and validate the manifests for Kubernetes
	$(BIN)/python -m deploy.manifests

images: $(addprefix image-,$(IMAGES)) ## Build the container images (CONTAINER=podman, IMAGE_PREFIX=registry/name/)

image-%: service = $(firstword $(subst -, ,$*))
image-%: device = $(word 2,$(subst -, ,$*))
image-%:
	$(CONTAINER) build --file deploy/docker/$(service).Dockerfile $(if $(device),--build-arg DEVICE=$(device)) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	  --tag $(IMAGE_PREFIX)visum-$(service):$(VERSION)$(addprefix -,$(device)) .

clean: ## Remove environments and caches
	rm -rf .venv .venv-* build/site .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis
