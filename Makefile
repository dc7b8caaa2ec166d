# A thin front for nox, which does the work (noxfile.py). Nothing is needed but make, a Python and a package index:
# nox itself lives in .nox/nox, pinned in tools/packages/nox.txt.

.PHONY: help demo test install-test bench bench-quality stress build lint format clean
.DEFAULT_GOAL := help

NOX_HOME := .nox/nox
NOX := $(NOX_HOME)/bin/python -m nox

help:
	@echo "make demo    matte a real clip and render it (build/demo/)"
	@echo "make test    all tests: pure, Blender as a module (four releases), farm, install, Blender in two windows"
	@echo "             BLENDER=/path/to/blender make test uses that Blender for the window"
	@echo "make install-test   the built zip in clean Blenders of five releases (make test: of two; docs/install.md)"
	@echo "make bench   how fast, beside rembg (docs/speed.md); make bench ARGS=--short: ratios only, about a minute"
	@echo "make bench-quality   how good a matte is, beside rembg, against exact truth (docs/quality.md)"
	@echo "make stress  killed, filled up, fed rubbish: tried, survived, lost (docs/stress.md)"
	@echo "make build   one zip a platform (dist/)"
	@echo "make lint    style, format and types"
	@echo "make format  put the code into format"
	@echo "make clean   remove what the above made"
	@echo "One part alone: $(NOX) --list, then $(NOX) -s blender-4.5.15 -- -k cutout"

demo: $(NOX_HOME)/ready
	@$(NOX) --session demo

test: $(NOX_HOME)/ready
	@$(NOX) --tags test

install-test: $(NOX_HOME)/ready
	@$(NOX) --session install -- --all

bench: $(NOX_HOME)/ready
	@$(NOX) --session bench -- $(ARGS)

bench-quality: $(NOX_HOME)/ready
	@$(NOX) --session bench -- --quality $(ARGS)

stress: $(NOX_HOME)/ready
	@$(NOX) --session stress -- $(ARGS)

build: $(NOX_HOME)/ready
	@$(NOX) --session build

lint: $(NOX_HOME)/ready
	@$(NOX) --session lint

format: $(NOX_HOME)/ready
	@$(NOX) --session format

clean:
	rm -rf .nox .mypy_cache .pytest_cache .ruff_cache build dist wheels inference/models/*.onnx

# A pyenv shim may be on PATH without a Python behind it, so each candidate is run. The interpreters of the sessions
# are found by noxfile.py; this one only carries nox.
$(NOX_HOME)/ready: tools/packages/nox.txt
	@set -e; found=; \
	for python in python3.11 python3.13 python3.12 python3 $(HOME)/.pyenv/versions/3.1[1-9]*/bin/python3; do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    found=$$python; break; \
	  fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "No Python 3.11 or later that can make environments was found. Install Python 3.11 and 3.13 (on Debian: python3.11-venv)." >&2; \
	  exit 1; \
	fi; \
	rm -rf $(NOX_HOME); \
	"$$found" -m venv $(NOX_HOME); \
	$(NOX_HOME)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes -r $<; \
	touch $@
