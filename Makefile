# make run: a demo programme on this machine. make test: every test. make help: the rest.
# Settings are read from the environment (PORT=9000 make run) or from .env.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN = .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check install --quiet
COMPILE = .venv/lock/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header $(UPGRADE)
UV = $(COMPILE) setup.cfg - --extra postgres --extra redis --extra video --extra captions

.PHONY: help run test attacks bench bench-video lint format lock clean
.NOTPARALLEL:

help:  ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /make \1: /p' Makefile

run: .venv/runtime  ## fill a demo programme and serve it; Ctrl-C ends all
	@ENV=development exec $(BIN)/python -m contentflow demo

test: .venv/tests  ## run every test; CONTENTFLOW_TEST_ALL=1 allows no skip
	@bin/test

bench-video: .venv/tests  ## measure a render against its bare encode; SECONDS=20 MODEL=folder
	@$(BIN)/python bin/bench-video

attacks: .venv/tests  ## attack a product of its own, or AGAINST=http://…; each attack prints its figure
	@$(BIN)/python attacks/run.py $(AGAINST)

faults: .venv/tests  ## kill, stop, flush, fill and turn the clock as often as is promised; about an hour, run alone
	@FAULTS=1 $(BIN)/python -m pytest -q -s -p no:randomly -m proof tests/proof/test_faults.py
	@$(BIN)/python attacks/run.py slow_clients held_answers

audit: .venv/lock/bin/pip-audit  ## look the locked releases up among known vulnerabilities; wants a network
	@.venv/lock/bin/pip-audit --disable-pip --require-hashes -r requirements.lock

lint: .venv/tests  ## check style, types, import rules and what bandit knows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -ll -s B608 -r contentflow wsgi.py gunicorn.conf.py  # SQL is put together of our own names alone

format: .venv/tests  ## mend style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/lock/bin/uv  ## lock what setup.cfg asks for; UPGRADE=--upgrade takes newer releases
	echo 'setuptools>=77' | $(UV) -o requirements.lock
	sed -n '/^s3 =/{n;s/^ *//p}' setup.cfg | $(COMPILE) - -o requirements-s3.lock -c requirements.lock
	echo 'setuptools>=77' | $(UV) -o requirements-test.lock --extra test -c requirements.lock -c requirements-s3.lock
	sed -n '/^schemas =/,/^$$/s/^    //p' setup.cfg | $(COMPILE) - --no-deps -o requirements-schemas.lock

bench: .venv/tests  ## measure clicks, pages, mail and starts against floors; WHAT=redirect ARGS='--clicks 1e3,1e7'
	$(BIN)/python -m bench $(or $(WHAT),all) $(ARGS)

clean:  ## remove what was installed and cached; DATA_DIR stays
	rm -rf .venv *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/runtime: requirements.lock setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make run PYTHON=/path/to/python"; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@echo "installing ContentFlow into .venv …"
	@$(PIP) --no-deps --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/tests: .venv/runtime requirements-test.lock requirements-schemas.lock
	@echo "installing what the tests need …"
	@$(PIP) --no-deps --require-hashes -r requirements-test.lock -r requirements-schemas.lock
	@touch $@

.venv/lock/bin/uv .venv/lock/bin/pip-audit:
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/python -m pip --disable-pip-version-check install --quiet $(notdir $@)
