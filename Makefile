# Two commands matter: `make run` and `make test`. Both set up what is missing first.
SHELL := /bin/sh
export PYTHONNOUSERSITE := 1
export UCX_TLS := self,sm,tcp
export OMP_NUM_THREADS ?= 1
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib
export PYVISTA_USERDATA_PATH := $(CURDIR)/.venv/pyvista
export MESA_SHADER_CACHE_DIR := $(CURDIR)/.venv/mesa

.PHONY: run test test-all check setup lock sample pictures benchmark clean

run: setup
	@sh packaging/run.sh

test: setup
	@sh packaging/setup.sh test
	@sh packaging/with_display.sh .venv/bin/python -m pytest -m "not slow"

test-all: setup
	@sh packaging/setup.sh test
	@sh packaging/with_display.sh .venv/bin/python -m pytest

check: setup
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

setup:
	@sh packaging/setup.sh

lock: setup
	@sh packaging/lock.sh

sample: setup
	@.venv/bin/python sample_dicom/make.py --to sample_dicom

pictures: setup
	@sh packaging/with_display.sh .venv/bin/python docs/make_pictures.py

benchmark: setup
	@.venv/bin/python benchmarks/river.py

clean:
	rm -rf .venv out solvers/compiled/cache .mypy_cache .ruff_cache .pytest_cache
