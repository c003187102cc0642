# The two commands a newcomer needs are `make demo` and `make test`; both set up what they need.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEBIAN := mosquitto mosquitto-clients mbpoll strace faketime nodejs npm systemd iproute2 nftables chromium debootstrap systemd-container

.PHONY: demo test months lint types debian bench deb lock clean

demo: $(VENV)/.demo
	$(BIN)/plantgate demo $(ARGS)

test: debian $(VENV)/.dev lint types
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

months: $(VENV)/.dev
	MONTHS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/months $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench

# The package for one architecture (amd64, arm64) and one Debian: 3.11 is bookworm's Python, 3.13 trixie's.
DEB_ARCH   ?= amd64
DEB_PYTHON ?= 3.11

deb: $(BIN)/python
	@$(BIN)/python systemd/package/build.py --arch $(DEB_ARCH) --python $(DEB_PYTHON)

# What the package carries, anew (needs uv): hashes of every wheel, for all architectures and Pythons at once.
LOCK := systemd/package/requirements.lock

lock:
	@head -n 2 $(LOCK) > $(LOCK).new
	uv pip compile pyproject.toml --extra panel --extra annunciator --universal --python-version 3.11 \
		--generate-hashes --no-header --upgrade --quiet >> $(LOCK).new
	@mv $(LOCK).new $(LOCK)

$(BIN)/python:
	@PYTHON=$(PYTHON) sh tests/debian.sh python3-venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml
	@echo "installing plantgate into $(VENV) (once; about half a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,panel]'
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	@echo "installing plantgate and what its tests need into $(VENV) (once; about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,panel,annunciator,dev]'
	@touch $@

debian:
	@sh tests/debian.sh $(DEBIAN)

clean:
	rm -rf $(VENV) build dist *.egg-info
