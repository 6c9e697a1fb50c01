# Everything a developer runs. Each target makes .venv by itself; PYTHON chooses the interpreter it is made with.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-stamp
DEV := $(VENV)/.dev-stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test check explore bench image boot format clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    the whole story on this machine: an emulated API, content, a sync, an edit, a sync"
	@echo "make check   what must hold before a commit: format, lint, types, imports, tests"
	@echo "make test    the tests only"
	@echo "make explore random histories that were never tried (20 times as many as make test)"
	@echo "make bench   the benchmarks, as ratios"
	@echo "make image   builds the image and runs it: Docker, or root and podman (minutes)"
	@echo "make boot    boots a systemd with the service in it, as root (minutes)"
	@echo "make format  puts the code into its form"
	@echo "make clean   removes what these targets made"

demo: $(RUNTIME)
	$(BIN)/qtisync demo

test: $(DEV)
	$(BIN)/pytest -n 2 -q

check: $(DEV)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	+@$(MAKE) --no-print-directory test

# What is tried follows from the seed alone. HISTORIES=short tries a quarter of what make test tries, in a minute.
HISTORIES ?= long
SEED := $(or $(SEED),$(shell date +%s))

explore: $(DEV)
	@echo "new histories: make explore HISTORIES=$(HISTORIES) SEED=$(SEED)"
	$(BIN)/pytest -n 2 -q -m hypothesis --timeout 3600 --hypothesis-profile=$(HISTORIES) \
	  --hypothesis-seed=$(SEED) --randomly-seed=$(SEED)

bench: $(DEV)
	$(BIN)/python benchmarks/run.py

image: $(RUNTIME)
	.ci/image

boot: $(RUNTIME)
	.ci/boot

format: $(DEV)
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find qtisync tests -name __pycache__ -type d -prune -exec rm -rf {} +

# What the program needs to run.
$(RUNTIME): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "qtisync needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "setting up $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip
	@$(PIP) install --editable .
	@touch $@

# What its developers need besides.
$(DEV): $(RUNTIME)
	@echo "adding the tools of developers"
	@$(PIP) install --editable . --group dev
	@touch $@
