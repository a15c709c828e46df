# Everything starts here. `make help` says what there is.
#
# Each target that needs the environment calls .ci/bootstrap first, which does nothing
# when nothing is missing. ARGS goes to the program: make demo ARGS='--scenario offline'.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

python := .venv/bin/python
rooms := kiosk devices screens offline_queue config central_backend tests
ARGS ?=

# Two workers: a build server has two cores, and each test file keeps its own devices. In their
# order: by number of tests, the files with few but long ones would come last, to one worker.
pytest_flags := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup setup-test demo test lint check bench campaign lock format clean

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: ## install what the terminal and the demo need (Debian packages, .venv)
	@.ci/bootstrap

setup-test:
	@.ci/bootstrap test

demo: setup ## a terminal with simulated devices; without a display it writes pictures
	@.venv/bin/kiosk demo $(ARGS)

test: setup-test ## every check there is: style, types, import rules, tests
	@$(MAKE) lint
	@$(MAKE) check

lint: setup-test ## style, types and import rules alone
	$(python) -m ruff check --quiet $(rooms)
	$(python) -m ruff format --check --quiet $(rooms)
	$(python) -m mypy $(addprefix -p ,$(rooms))
	.venv/bin/lint-imports --no-logo

check: setup-test ## the tests alone; ARGS goes to pytest
	QT_QPA_PLATFORM=offscreen $(python) -m pytest $(pytest_flags) $(ARGS)

bench: setup-test ## measure, each figure beside a floor or a peer of the same run
	QT_QPA_PLATFORM=offscreen $(python) tests/bench/run_all.py $(ARGS)

campaign: setup-test ## long runs: many more Hypothesis examples (ARGS goes to pytest)
	QT_QPA_PLATFORM=offscreen $(python) -m pytest --hypothesis-profile=campaign --timeout=0 $(ARGS)

lock: setup-test ## renew requirements.lock from setup.cfg
	@.ci/lock

format: setup-test ## bring the code into the house style
	$(python) -m ruff check --fix $(rooms)
	$(python) -m ruff format $(rooms)

clean: ## remove what the tools leave behind; the environment stays
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
	    build dist demo-output
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
