# The README's commands. `make demo` and `make test` set up everything they need.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# Each module is compiled once, where it is first needed, not by each process that is started.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test unit explore matrix check check-types check-rest format screenshots clean

help:
	@echo "make demo    run the portal with sample data and a simulated Autotask"
	@echo "make test    run the tests"
	@echo "make unit    the tests without browsers, processes, thousands of rows and sweeps over every page: quick, for every change"
	@echo "make explore the properties with new examples, ten times as many (SEED=… for the same ones again)"
	@echo "make matrix  the same on each Python from 3.11 to 3.14 that is here"
	@echo "make check   linters, types, import contracts, migrations"
	@echo "make format  format the code"
	@echo "make screenshots  take the README's pictures anew"

# The runtime alone is enough for the demo; the marker files say what is installed.
$(VENV)/runtime: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# In one go: the development set has the runtime's in it, and to work it out a second time takes ten seconds.
$(VENV)/development: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(VENV)/runtime $@

setup: $(VENV)/development

# exec: Ctrl-C goes to the server itself, which stops all that it started.
demo: $(VENV)/runtime
	@PORT="$(or $(PORT),8000)" SIMULATOR_PORT="$(or $(SIMULATOR_PORT),8010)" exec $(RUN) -m portal.demo

test: setup
	$(RUN) -m pytest -n auto --dist worksteal

# What has files of its own is not even collected: each worker does that anew. Properties of drawn examples
# (hypothesis marks them) are sweeps as well, and so are all cases of a test but its first and last.
unit: setup
	$(RUN) -m pytest -n logical --dist worksteal -p no:schemathesis \
	  -m "not journey and not third_party and not process and not large and not exhaustive and not hypothesis" \
	  --ignore tests/journeys --ignore tests/third_party --ignore tests/concurrency --ignore tests/read_api/test_described_requests.py

# What it finds is mended, and pinned by an @example beside the property.
explore: setup
	@seed="$(or $(SEED),$$($(RUN) -c 'import secrets; print(secrets.randbelow(2**32))'))"; \
	$(RUN) -m pytest -n auto --dist worksteal -m hypothesis --hypothesis-profile explore --hypothesis-seed "$$seed"; \
	status=$$?; echo "The same examples again: make explore SEED=$$seed"; exit $$status

matrix:
	@MAKE="$(MAKE)" tests/support/matrix.sh

check: check-types check-rest

check-types: setup
	$(VENV)/bin/mypy .

check-rest: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/djlint templates --lint --quiet
	DJANGO_SETTINGS_MODULE=tests.support.settings $(RUN) manage.py makemigrations --check --dry-run
	DJANGO_SETTINGS_MODULE=tests.support.settings $(RUN) manage.py check

format: setup
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# The README's pictures, anew from the demo data (needs Chromium).
screenshots: setup
	$(RUN) -m tests.journeys.screenshots

clean:
	rm -rf $(VENV) var
