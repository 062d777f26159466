# The commands people type; `make help` lists them. Each target sets up what it needs, once.
SHELL := /bin/bash
.DEFAULT_GOAL := all
.PHONY: all load build report test test-all test-engines lint docs bench bench-quick parity clean help

PYTHON ?= python3
BIN := .venv/bin
# Programs of an environment name the folder that they were installed in, which after a copy or a move is another
# checkout's: so everything is a module of this environment's Python, and the code of this checkout comes first.
RUN := $(BIN)/python -m
LOADER := $(RUN) loader
export PYTHONPATH := $(CURDIR)$(if $(PYTHONPATH),:$(PYTHONPATH))
# Spark's client conflicts with Sail's, so that it has an environment of its own, where there is a Java for it.
SPARK := $(if $(or $(shell command -v java),$(JAVA_HOME)),.venv-spark/.installed)
export DO_NOT_TRACK := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

all: .venv/.installed ## load, build and publish what is new, then spend by category on screen
	@$(LOADER) load; ended=$$?; \
	if [ $$ended -ne 0 ] && [ $$ended -ne 3 ]; then exit $$ended; fi; \
	$(LOADER) publish --check || $(MAKE) --no-print-directory build || exit $$?; \
	$(LOADER) show || exit $$?; \
	exit $$ended

load: .venv/.installed ## send what has no answer yet, wait, land the raw answers
	@$(LOADER) load

build: .venv/.installed ## dbt build, then publish the marts for BI tools, always
	@$(LOADER) dbt build --quiet
	@$(LOADER) publish

report: .venv/.report ## a first look at the marts as one HTML page: data/report.html
	@$(LOADER) report

test: .venv/.developer ## the quick tests (about 8 minutes on two cores)
	@$(RUN) pytest -n 2 -m "not slow"

test-all: .venv/.sail .venv-dbt-1.12/.installed $(SPARK) ## every test, on Sail, too, and where Java is on Spark (about 20 minutes on two cores)
	@$(RUN) pytest -n 3 --dist worksteal

test-engines: .venv/.sail $(SPARK) ## a short look at the other engines: all models on Sail, and where Java is the macros on Spark
	@$(RUN) pytest -n 2 --dist loadfile -rs -m slow tests/parity/test_macros.py \
		"tests/parity/test_parity.py::test_all_models_tests_and_marts_are_the_same[sail-cluster]" \
		"tests/parity/test_loader_dbt.py::test_a_second_build_on_a_server_takes_in_what_has_come_since[sail-server]"

lint: .venv/.developer ## ruff, mypy, sqlfluff
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@$(RUN) sqlfluff lint --processes 2 --disable-progress-bar dbt_project/models dbt_project/tests

docs: .venv/.installed ## the documentation of the tables, as one page beside the warehouse; it says where
	@$(LOADER) dbt docs generate --static

bench: .venv/.bench ## speed and memory beside other ways, in one table: data/bench.json (half an hour)
	@$(RUN) tests.bench

bench-quick: .venv/.bench ## the same at a tenth of the size (under 3 minutes)
	@$(RUN) tests.bench --quick

parity: .venv/.sail $(SPARK) ## the same answers on DuckDB and Sail, and where Java is on Spark: every mart compared
	@$(BIN)/python -W ignore -m tests.parity

clean: ## remove the environment and what tools leave behind; never the warehouse
	@for made in .venv .venv-spark .venv-dbt-1.12; do \
		if [ -L $$made ] || { [ -d $$made ] && [ ! -e $$made/.installed ]; }; then \
			echo "$$made was not made by make: it stays"; \
		else rm -rf $$made; fi; \
	done
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf dbt_project/target dbt_project/logs
	find $(wildcard loader tests dbt_project) -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# An environment that make made in another place is made again; a link to one is somebody's choice.
elsewhere = $(shell [ -e $(1)/.installed ] && [ ! -L $(1) ] && \
	! head -n 3 $(1)/bin/loader 2>/dev/null | grep -qF "$(CURDIR)/$(1)/bin/" && echo $(1)-from-elsewhere)

.PHONY: .venv-from-elsewhere .venv-spark-from-elsewhere
.venv-from-elsewhere .venv-spark-from-elsewhere:
	@echo "$(@:-from-elsewhere=) was made in another place"
	@rm -rf $(@:-from-elsewhere=)

.venv/.installed: pyproject.toml constraints.txt $(call elsewhere,.venv)
	@echo "setting up .venv (once; about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed; name one with: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv
	@$(RUN) pip install --quiet --constraint constraints.txt pip
	@$(RUN) pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/.report: .venv/.installed
	@echo "adding the charting library (once)"
	@$(RUN) pip install --quiet --constraint constraints.txt --editable '.[report]'
	@touch $@

.venv/.developer: .venv/.report
	@echo "adding the tools for tests and lint (once)"
	@$(RUN) pip install --quiet --constraint constraints.txt --group dev
	@touch $@

.venv/.bench: .venv/.developer
	@echo "adding what the benchmark measures against (once)"
	@$(RUN) pip install --quiet --constraint constraints.txt --group bench
	@touch $@

.venv/.sail: .venv/.developer
	@echo "adding Sail, an engine with Spark's SQL (once)"
	@$(RUN) pip install --quiet --constraint constraints.txt --editable '.[report,sail]'
	@touch $@

# dbt 1.12 without its optional parser, whose build downloads; what it needs beside 1.11 is named.
.venv-dbt-1.12/.installed: pyproject.toml constraints.txt
	@echo "setting up .venv-dbt-1.12, the next version of dbt (once)"
	@$(PYTHON) -m venv .venv-dbt-1.12
	@.venv-dbt-1.12/bin/python -m pip install --quiet --constraint constraints.txt dbt-duckdb duckdb metricflow python-dotenv
	@.venv-dbt-1.12/bin/python -m pip install --quiet --no-deps dbt-core==1.12.6
	@touch $@

.venv-spark/.installed: pyproject.toml constraints.txt $(call elsewhere,.venv-spark)
	@echo "setting up .venv-spark, with Spark itself (once; about a minute)"
	@$(PYTHON) -m venv .venv-spark
	@.venv-spark/bin/python -m pip install --quiet --constraint constraints.txt pip
	@.venv-spark/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[spark]'
	@touch $@
