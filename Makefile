# Set-up and the main jobs. `make` alone prints this help.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
RANKS ?= 2
# Of a run that failed, what LAMMPS says.
LOGGED = { tail -n 3 runs/$(1).log; exit 1; }
# What "make heal" damages and heals: a file of inputs/crystals.
CRYSTAL ?= Pt
# Processes among which the tests are divided, whole files to each, in order: the longest are not the last. 0: none besides,
# as --pdb needs it.
WORKERS ?= auto
# The build that was tried, before anything else pulls the newest one, of several GB.
TORCH ?= torch==2.13.0
SOURCES := $(shell find lammps_heal -name '*.cpp' -o -name '*.cu' -o -name '*.h')
TEST_SOURCES := $(shell find tests -name '*.cpp' -o -name '*.h')

.DEFAULT_GOAL := help
.PHONY: help setup heal observe data train models curve export evaluate bench test faults gpu-bundle gpu-check lint wheel doctor clean

help:            ## this help
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-14s %s\n", $$1, $$2 }'

setup: $(READY)  ## .venv with this package, its three libraries and all extras

$(READY): pyproject.toml setup.py lammps_heal/compiling.py $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed, $$($(PYTHON) --version) is found: name another one, make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { echo "Python cannot make environments: apt install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[train,plot,evaluate,test]'
	@# pip builds the package without torch around, and does not show what it could not build.
	$(BIN)/python -m lammps_heal.compiling torchscript
	@touch $(READY)

heal: setup      ## damage a crystal with a vacancy and heal it: table, trajectory and picture; CRYSTAL=W: of tungsten
	@mkdir -p runs
	$(BIN)/lmp -in inputs/in.crystal -var element $(CRYSTAL) -var mode cell -screen none -log runs/crystal.log || $(call LOGGED,crystal)
	$(BIN)/lmp -in inputs/in.damage -var element $(CRYSTAL) -screen none -log runs/damage.log || $(call LOGGED,damage)
	$(BIN)/lmp -in inputs/in.heal -var element $(CRYSTAL) -screen none -log runs/heal.log || $(call LOGGED,heal)
	$(BIN)/lammps-heal demo
	@echo "The same on $(RANKS) ranks:"
	$(BIN)/mpirun -np $(RANKS) $(BIN)/lmp -in inputs/in.heal -var element $(CRYSTAL) -var out runs/ranks.lammpstrj -screen none -log runs/ranks.log
	@awk '/^Loop time/ { n = 0 } n { line = $$0 } /^ *Step / { n = 1; print } END { print line }' runs/ranks.log

observe: setup   ## watch vacancies hop in a hot crystal, on healed copies of it, and make a page of it (some minutes)
	@mkdir -p runs
	$(BIN)/lmp -in inputs/in.observe -screen none -log runs/observe.log
	$(BIN)/lammps-heal report runs/observe.log --dump runs/observed.lammpstrj -o runs/observe.html

data: setup      ## make the structures to learn from anew, data/training_*.xyz
	$(BIN)/lmp -in inputs/in.crystal -screen none -log none
	$(BIN)/lmp -in inputs/in.defects -screen none -log none
	$(BIN)/lmp -in inputs/in.defects -var mode thermal -screen none -log none

# Where it was interrupted it goes on, to the same weights.
train: setup     ## train the shipped model (some 135 minutes on one core), then export it
	$(BIN)/lammps-heal train inputs/training/pt.toml -o data/best_denoise_model.pth \
	  $(if $(wildcard runs/best_denoise_model.checkpoint),--resume)
	cp runs/best_denoise_model.log data/training.log
	$(BIN)/lammps-heal export -o data/pt_heal.pt

# Each where it was interrupted it goes on. data/pt_heal.pt, the model of fcc, is made by "make train".
models: setup    ## train the other shipped models, of bcc, hcp, diamond and mixed phases (four hours on one core)
	for name in bcc bcc-fe hcp hcp-zr diamond metals; do \
	  $(BIN)/lammps-heal fit inputs/training/$$name.toml -o data/$$name.pt || exit 1; done

curve: setup     ## networks of other sizes: how well they heal after a short training, and what they cost (half an hour)
	$(BIN)/lammps-heal curve inputs/training/curve.toml

evaluate: setup  ## measure the shipped model on structures that it has not seen
	$(BIN)/lammps-heal evaluate

bench: setup     ## time healing beside an EAM force call and CG minimisation (a quarter of an hour, on a quiet machine)
	$(BIN)/lammps-heal bench

test: setup      ## all tests, real LAMMPS runs among them; a part of them: make test TESTS='tests/kernel -m "not mpi"'
	$(BIN)/pytest -n $(WORKERS) --maxprocesses 8 --dist loadscope --no-loadscope-reorder $(TESTS)

faults: setup    ## try all that has gone wrong or could, and print what became of it (some minutes)
	$(BIN)/python tests/faults.py

gpu-bundle: setup  ## pack what a GPU machine without a network needs for gpu-check
	$(BIN)/python tests/gpu/bundle.py

gpu-check:       ## on a GPU machine: is healing there right, how fast, how much memory (tests/gpu/README.md)
	$(PYTHON) tests/gpu/check.py

lint: setup      ## ruff, strict mypy and clang-format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@echo $(BIN)/clang-format --dry-run -Werror
	@$(BIN)/clang-format --dry-run -Werror $(SOURCES) $(TEST_SOURCES)

wheel: setup     ## dist/*.whl, for machines of this kind without a compiler
	$(BIN)/pip install --quiet "setuptools>=77"
	$(BIN)/python -m build --wheel --no-isolation

doctor: setup    ## is everything here that healing needs?
	$(BIN)/lammps-heal doctor

clean:           ## remove what runs have written, not the environment
	rm -rf runs build dist final_demo_vacancy_healing.*
