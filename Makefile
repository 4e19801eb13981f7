.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

VENV ?= .venv
BIN := $(VENV)/bin
export VENV
# An emulated AWS, which brings a botocore of its own.
EMULATOR ?= $(VENV)-emulator
export EMULATOR

# Each tier leaves its measurements here; `make coverage` combines them.
COVERAGE_DIR ?= $(CURDIR)/build/coverage
RESULTS_DIR ?= build/e2e
PYTEST = COVERAGE_FILE=$(COVERAGE_DIR)/$@ $(BIN)/pytest --cov --cov-report= --cov-fail-under=0
# A video needs Playwright's own ffmpeg; screenshots and traces need nothing.
FFMPEG := $(firstword $(wildcard $(or $(PLAYWRIGHT_BROWSERS_PATH),$(HOME)/.cache/ms-playwright)/ffmpeg-*))
KEEP := --screenshot=only-on-failure --tracing=retain-on-failure $(if $(FFMPEG),--video=retain-on-failure)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: ## Start Millrace here: server, workers and pages
	@scripts/environment home
	@exec $(BIN)/millrace serve

.PHONY: test
test: ## Run every tier, then the coverage gate
	@run=$$(mktemp -d) && trap 'rm -rf "$$run"' EXIT && \
	$(MAKE) check unit integration e2e load coverage COVERAGE_DIR="$$run" RESULTS_DIR="build/e2e-$${run##*/}"

.PHONY: check
check: ready ## Lint, formatting, types, and that generated files are fresh
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python scripts/export_requirements.py --check
	@$(BIN)/python -m chalicelib.openapi | diff -u backend/openapi.json - || { echo "backend/openapi.json is stale: make openapi"; exit 1; }

.PHONY: unit
unit: ready ## Tests in memory, temp files and SQLite
	@mkdir -p $(COVERAGE_DIR)
	$(PYTEST) tests/unit --disable-socket --allow-unix-socket --numprocesses=auto --maxprocesses=4

.PHONY: integration
integration: ready emulator ## Adapters against emulators, workers and the command line as subprocesses
	@mkdir -p $(COVERAGE_DIR)
	$(PYTEST) -n 2 tests/integration

.PHONY: e2e
e2e: ready emulator ## The running product by HTTP and in a browser; what failed is kept in build/
	@mkdir -p $(COVERAGE_DIR)
	@scripts/browser
	$(PYTEST) -n 2 tests/e2e --output=$(RESULTS_DIR) $(KEEP)
	@rm -rf $(RESULTS_DIR)

.PHONY: load
load: ready ## Locust: 50 users for half a minute against a server of its own
	$(BIN)/python -m tests.performance.load

.PHONY: coverage
coverage: ready ## Combine what the tiers measured; fails below the gate
	@$(BIN)/coverage combine --quiet --keep --data-file=$(COVERAGE_DIR)/all $(wildcard $(COVERAGE_DIR)/unit* $(COVERAGE_DIR)/integration* $(COVERAGE_DIR)/e2e*)
	@$(BIN)/coverage report --data-file=$(COVERAGE_DIR)/all

.PHONY: performance
performance: ready ## Print the table of benchmarks (ONLY=name for one)
	$(BIN)/python -m tests.performance.benchmarks $(if $(ONLY),--only $(ONLY))

STAGE ?= dev

.PHONY: package
package: ready ## Build the zip and the template for AWS (STAGE=dev)
	@$(BIN)/python scripts/package.py $(STAGE)

.PHONY: deploy
deploy: package ## Bring them to AWS, or to the emulator of MILLRACE_AWS_ENDPOINT, and print the address (STAGE=dev)
	@$(BIN)/python scripts/deploy.py $(STAGE)

.PHONY: smoke
smoke: ready ## Ask a running Millrace whether it works (URL=https://...)
	@$(BIN)/python scripts/smoke.py $(URL)

.PHONY: destroy
destroy: ready ## Remove a stage from AWS; what it kept stays, unless DATA=delete is said (STAGE=dev)
	@$(BIN)/python scripts/destroy.py $(STAGE) $(if $(filter delete,$(DATA)),delete-data)

.PHONY: openapi
openapi: ready ## Write backend/openapi.json from the routes
	$(BIN)/python -m chalicelib.openapi > backend/openapi.json.new
	mv backend/openapi.json.new backend/openapi.json

.PHONY: format
format: ready ## Format the code and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: lock
lock: ready ## Choose versions anew from pyproject.toml
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --quiet --no-header --upgrade --extra home pyproject.toml -o requirements/home.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --quiet --no-header --extra home --extra test -c requirements/home.txt pyproject.toml -o requirements/test.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --quiet --no-header --upgrade --group emulator -o requirements/emulator.txt
	@scripts/environment test
	$(BIN)/python scripts/export_requirements.py

.PHONY: ready
ready:
	@scripts/environment test

.PHONY: emulator
emulator: ## Make the environment of the emulated AWS, which integration and e2e tests start
	@VENV=$(EMULATOR) scripts/environment emulator
