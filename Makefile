# Two commands: `make dev` runs everything on an embedded default, `make test` checks everything.
# Flags of `acme dev` and pytest: make dev ARGS="--ui-port 3001", make test ARGS="tests/sdk -x".

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
INSTALLED := .venv/.installed
COMPILED := $(shell find acme_sdk -name '*.pyx' -o -name '*.pxd')

.PHONY: dev test check mutants chaos bench lock clean system-packages

dev: $(INSTALLED)
	@$(BIN)/acme dev $(ARGS)

# Two files at a time: half of the time of a test is waiting.
test: check system-packages
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Every broken connector of tests/mutants under every check of the harness, ten seeds in a row; takes half an hour.
mutants: $(INSTALLED)
	$(BIN)/python -m pytest tests/mutants --seeds 10 $(ARGS)

# Kills hundreds of syncs at random moments and counts the rows that are lost or there twice; takes half an hour.
# make chaos ARGS="--kills 1000 --seed 7 --only 'upsert from'"
chaos: $(INSTALLED)
	$(BIN)/python -m tests.chaos $(ARGS)

# Syncs beside their peers: docs/benchmarks.md.
bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.sync $(ARGS)

# The tests' own needs from the system; as root, what is missing is installed.
system-packages:
	@sh .ci/system-packages

# Needs uv: pip install uv
lock:
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
		pyproject.toml --all-extras --group dev --group playground -o requirements-dev.lock

clean:
	rm -rf .venv .acme build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f $(patsubst %.pyx,%.c,$(filter %.pyx,$(COMPILED)))
	find acme_sdk -name '*.so' -delete

$(INSTALLED): requirements-dev.lock pyproject.toml $(COMPILED)
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or newer."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Acme Connectors needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1)."; \
		echo "With a newer one installed, name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@echo "Installing $$(grep -c == requirements-dev.lock) packages into .venv; the first time takes a minute or two."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps -r requirements-dev.lock -e .
	@touch $@
