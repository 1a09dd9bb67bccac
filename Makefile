# Everything starts here: `make run` and `make test` set themselves up in .venv.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help run test soak load coverage check format bench bench-servers bench-scale bench-start dist clean

help: ## Say what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

$(PY):
	@echo "==> Making a virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "microweb needs Python 3.10 or later: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/run: setup.cfg | $(PY)
	@echo "==> Installing microweb with its template engine"
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[templates,dotenv]'
	@touch $@

$(VENV)/dev: setup.cfg | $(PY)
	@echo "==> Installing microweb with the tools and servers of its tests"
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

run: $(VENV)/run ## Serve the guestbook example (its entries stay in examples/guestbook/instance)
	@echo "==> Serving examples/guestbook; Ctrl-C stops it"
	@cd examples/guestbook && exec ../../$(PY) app.py

test: $(VENV)/dev ## Run all tests
	@echo "==> Running the tests"
	@$(PY) -m pytest

coverage: $(VENV)/dev ## Run all tests, and say which lines and branches of the package none reaches
	@$(PY) -m pytest --cov=microweb --cov-branch --cov-report=term-missing:skip-covered

soak: $(VENV)/dev ## Compare the matcher with Werkzeug's map at length
	@MICROWEB_COMPARISONS=900000 $(PY) -m pytest -q -s tests/properties/test_matcher_is_werkzeugs.py -k stock_map

load: $(VENV)/dev ## Deploy an application, send it load, kills, reloads and losses at full size, and show the figures
	@MICROWEB_LOAD=full $(PY) -m pytest -q tests/servers/deployed

check: $(VENV)/dev ## Lint, format, types (mypy and pyright), layers and exports
	@echo "==> ruff"
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@echo "==> mypy --strict"
	@$(PY) -m mypy
	@$(PY) -m mypy examples/myapi/app.py examples/myapi/tests
	@cd examples/guestbook && MYPYPATH=../.. ../../$(PY) -m mypy --config-file ../../setup.cfg --cache-dir ../../.mypy_cache/guestbook app.py guestbook tests
	@echo "==> pyright"
	@$(PY) -m pyright
	@echo "==> layers and exports"
	@$(PY) -m pytest --quiet tests/test_layers.py tests/test_exports.py

format: $(VENV)/dev ## Format the code
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: $(VENV)/dev ## Compare the cost of a request with that of other frameworks (ARGS=--quick)
	@$(PY) -m benchmarks $(ARGS) --chart benchmarks/results/latest.svg

bench-servers: $(VENV)/dev ## Compare what a request costs a worker of uWSGI, with and without nginx, and gunicorn
	@$(PY) -m benchmarks.servers $(ARGS)

bench-scale: $(VENV)/dev ## Compare what a request costs when routes, hooks and blueprints get many
	@$(PY) -m benchmarks.scale $(ARGS)

bench-start: $(VENV)/dev ## Compare imports and first answers: time and memory
	@$(PY) -m benchmarks.start $(ARGS)

dist: $(VENV)/dev ## Build the source distribution and the wheel
	@$(PY) -m build

clean: ## Remove what was made here
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
