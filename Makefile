# fphost: `make run` and `make test` are the two commands; `make help` lists the others.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

CONFIG ?= fphost.yaml
PREFIX ?= /usr/local
DESTDIR ?=
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?=
PYTEST_ARGS ?=

HOST := .build/release/fphost
CLIENT := .build/filepond
PYTHON := .venv/bin/python
STAMPS := .build/stamps

# A warning in our own code is an error wherever it is tested; SwiftPM silences those of dependencies by itself.
# Every debug build uses the same flags, since other flags would compile everything again.
DEBUG_FLAGS := -Xswiftc -warnings-as-errors

FORMATTED := $(wildcard Package.swift Sources Plugins Tests Examples)

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

# --- Set-up: each step leaves a stamp, so that it costs nothing the next time -----------------------------------

$(STAMPS)/packages-%: scripts/packages
	@scripts/packages $*
	@mkdir -p $(@D) && touch $@

$(STAMPS)/toolchain: scripts/toolchain $(STAMPS)/packages-build
	@scripts/toolchain
	@mkdir -p $(@D) && touch $@

# The order matters only the first time: a package that was installed later does not make a new venv.
$(PYTHON): | $(STAMPS)/packages-build
	@echo "setup: making a Python environment in .venv"
	@python3 -m venv .venv

$(CLIENT)/filepond.min.js: scripts/filepond | $(PYTHON)
	@scripts/filepond $(PYTHON) $(CLIENT)
	@touch $@

$(STAMPS)/pytest: Tests/Browser/requirements.txt Examples/django-session/requirements.txt | $(PYTHON)
	@echo "setup: installing pytest, playwright and Django into .venv"
	@$(PYTHON) -m pip --disable-pip-version-check install --quiet --requirement $<
	@mkdir -p $(@D) && touch $@

$(STAMPS)/servers: Tests/Servers/requirements.txt $(STAMPS)/packages-servers | $(PYTHON)
	@echo "setup: installing the servers that the tests talk to into .venv"
	@$(PYTHON) -m pip --disable-pip-version-check install --quiet --requirement $<
	@mkdir -p $(@D) && touch $@

$(STAMPS)/openapi: Tests/OpenAPI/requirements.txt | $(PYTHON)
	@echo "setup: installing what reads OpenAPI into .venv"
	@$(PYTHON) -m pip --disable-pip-version-check install --quiet --requirement $<
	@mkdir -p $(@D) && touch $@

# What only the benchmark compares with has a Python environment of its own. The benchmark runs without it as well.
$(STAMPS)/peers: Benchmarks/requirements.txt | $(PYTHON)
	@echo "setup: installing the servers to compare with into .build/peers"
	@python3 -m venv .build/peers
	@.build/peers/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@mkdir -p $(@D) && touch $@

.PHONY: setup
setup: $(STAMPS)/toolchain $(CLIENT)/filepond.min.js ## Install what building needs, and fetch the FilePond client

.PHONY: setup-test
setup-test: setup $(STAMPS)/servers $(STAMPS)/packages-test $(STAMPS)/pytest ## setup, and what the tests need

# --- Build and run ----------------------------------------------------------------------------------------------

.PHONY: build
build: $(STAMPS)/toolchain ## Build the host and its plugins for release
	@echo "build: swift build -c release"
	@swift build -c release

.PHONY: run
run: setup build ## Build the host, start it with ./fphost.yaml, and print the page's address
	@scripts/run-host $(HOST) $(CONFIG)

# --- Check ------------------------------------------------------------------------------------------------------

.PHONY: lint
lint: $(STAMPS)/toolchain ## Check the formatting, and that our own code builds without a warning
	@echo "lint: the contract with plugins"
	@scripts/abi check
	@echo "lint: what each module imports"
	@scripts/architecture
	@echo "lint: the tests that docs/security.md and docs/durability.md name"
	@scripts/guards
	@echo "lint: text from outside"
	@scripts/lint-text
	@echo "lint: swift format"
	@swift format lint --strict --recursive --parallel $(FORMATTED)
	@echo "lint: building with warnings as errors"
	@swift build --build-tests $(DEBUG_FLAGS)

# What fails in one of these is repeated once, alone, and what passes then is counted and shown at the end of them all.
ONCE_MORE := scripts/once-more

.PHONY: test
test: ## Run every test but test-packages, which needs root
	@$(ONCE_MORE) all $(MAKE) --no-print-directory test-ci test-unit test-api test-plugins test-stores test-power test-browser test-install

.PHONY: test-ci
test-ci: $(STAMPS)/pytest ## Try what repeats a failed test, on tests made to fail
	@$(PYTHON) -m pytest Tests/CI

.PHONY: test-unit
test-unit: setup $(STAMPS)/servers $(STAMPS)/packages-test ## Run the Swift tests
	@scripts/test-unit $(DEBUG_FLAGS)

.PHONY: test-api
test-api: setup-test $(STAMPS)/openapi build ## Ask the release build everything that its OpenAPI document describes
	@echo "test: the OpenAPI document, by schemathesis"
	@$(ONCE_MORE) pytest $(PYTHON) Tests/OpenAPI $(PYTEST_ARGS)

.PHONY: test-plugins
test-plugins: setup build ## Try the contract's locks, the plugin guide's code, and plugins written with an installed copy
	@$(ONCE_MORE) step test-abi scripts/test-abi
	@$(ONCE_MORE) step test-guide scripts/test-guide
	@$(ONCE_MORE) step test-examples scripts/test-examples

.PHONY: test-stores
test-stores: $(STAMPS)/servers build ## Put S3Store and SFTPStore to the conformance kit on each of their servers
	@$(ONCE_MORE) step validate-s3 scripts/validate-s3 $(PYTHON) $(HOST) .build/release/libS3Store.so
	@$(ONCE_MORE) step validate-sftp scripts/validate-sftp $(HOST) .build/release/libSFTPStore.so

.PHONY: test-power
test-power: setup-test build ## Take the power from the release build at many moments, and hold what is left against what it had said
	@echo "test: losses of power"
	@$(ONCE_MORE) pytest $(PYTHON) Tests/PowerLoss $(PYTEST_ARGS)

.PHONY: test-browser
test-browser: setup-test build ## Run the tests of the real FilePond in Chromium against the release build
	@echo "test: FilePond in Chromium"
	@$(ONCE_MORE) pytest $(PYTHON) Tests/Browser $(PYTEST_ARGS)

.PHONY: test-install
test-install: setup-test $(STAMPS)/packages-package build ## Run the tests of what `make install` installs, and of the purge
	@echo "test: make install"
	@$(ONCE_MORE) pytest $(PYTHON) Tests/Install/test_install.py Tests/Install/test_maintainer_scripts.py $(PYTEST_ARGS)

.PHONY: test-packages
test-packages: deb $(STAMPS)/pytest ## Install the package fphost into a Debian 12 of its own, as root, and test it there
	@ONCE_MORE_WITHIN=scripts/test-packages $(ONCE_MORE) pytest $(PYTHON) Tests/Install/test_packages.py $(PYTEST_ARGS)

.PHONY: test-sanitize
test-sanitize: setup $(STAMPS)/servers $(STAMPS)/packages-test ## Run the Swift tests and a mixed load under AddressSanitizer
	@scripts/test-sanitize .build-asan

.PHONY: soak
soak: setup build ## What checks of access cost, mixed load with kills (SOAK_SECONDS), starts with many uploads, dripping clients
	@python3 Tests/Soak/checks.py --host $(HOST)
	@python3 Tests/Soak/soak.py --host $(HOST)
	@python3 Tests/Soak/recovery.py --host $(HOST)
	@python3 Tests/Soak/drip.py --host $(HOST)

.PHONY: fuzz
fuzz: $(STAMPS)/toolchain ## Fuzz what reads strangers' bytes, each for FUZZ_SECONDS (60); FUZZ_TARGETS names some
	@scripts/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

.PHONY: bench
bench: setup $(STAMPS)/servers build ## Measure the targets beside other servers; QUICK=1 for a look in two minutes
	@$(MAKE) --silent --no-print-directory --keep-going $(STAMPS)/packages-bench $(STAMPS)/peers || \
		echo "bench: not all servers to compare with could be installed; their rows say so"
	@$(PYTHON) Benchmarks/targets.py --host $(HOST)

# --- Install ----------------------------------------------------------------------------------------------------

.PHONY: install
install: build ## Install into PREFIX (/usr/local), below DESTDIR if set
	@scripts/install "$(DESTDIR)" "$(PREFIX)" "$(SYSCONFDIR)"

.PHONY: deb
deb: setup $(STAMPS)/packages-package build ## Make the Debian packages, in .build/packages
	@scripts/deb

.PHONY: clean
clean: ## Remove everything that was built or fetched
	@rm -rf .build .build-asan .build-fuzz .venv
