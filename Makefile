# make demo   converts AlexNet from MATLAB to Keras and PyTorch, proves both equal and shows the code
# make test   runs all tests
# Both set up what they need in .venv on a fresh machine.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test test-conformance test-exports test-backends test-octave test-sabotage test-random lint originals check-topologies benchmark benchmark-inference clean

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: $(VENV)/installed
	$(BIN)/converter inspect fixtures/alexnet.mat
	$(BIN)/converter convert fixtures/alexnet.mat --to keras --out demo/alexnet_keras
	$(BIN)/converter convert fixtures/alexnet.mat --to pytorch --out demo/alexnet_pytorch
	cat demo/alexnet_keras/model.py demo/alexnet_pytorch/model.py

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

# The standard's conformance suite through both targets once more, with all inputs but the first held by the file. `make test` runs
# the suite as it stands; tests/exclusions.toml says which cases cannot pass, and why.
test-conformance: $(VENV)/installed
	$(BIN)/python -m pytest -n 2 -m conformance tests/backend

# Models as the exporters of torch, timm, transformers and Keras write them: strict, slow, and with packages of their own.
# torchvision, timm and skl2onnx come without what they ask for, which would replace the PyTorch that is installed.
$(VENV)/exporters: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt transformers onnxscript tf2onnx scikit-learn
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps timm torchvision==0.28.0 skl2onnx onnxconverter-common
	touch $@

test-exports: $(VENV)/exporters
	$(BIN)/python -m pytest -n 2 --dist worksteal -m exports tests/exports tests/originals tests/conversion

# How near the emitted code comes to the networks that were exported: its lines, names, state-dict keys, gradients.
originals: $(VENV)/exporters
	$(BIN)/python -m tests.originals.scoreboard --details

# Faults planted in every network, both targets: does verification find them, and name the layer?
# `python -m tests.sabotage` prints the table.
test-sabotage: $(VENV)/installed
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "sabotage or not sabotage" tests/sabotage

# Two hundred random networks on images and as many on sequences, both targets: does verification raise a false alarm?
test-random: $(VENV)/installed
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "random or not random" tests/random_networks

# Emitted Keras code on TensorFlow, PyTorch and JAX: equal, trained for a step, saved, cloned, compiled, in mixed precision.
test-backends: $(VENV)/installed
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "backends or not backends" tests/usage/test_backends.py tests/conversion/test_backends.py

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Octave runs the MATLAB export script; without it those tests are skipped.
test-octave: $(VENV)/installed
	command -v octave || (apt-get update && apt-get install -y --no-install-recommends octave)
	$(BIN)/python -m pytest tests/matlab

# The nine topologies in the onnx wheel, with seeded weights, in both targets: how long a check of them all takes.
check-topologies: $(VENV)/installed
	$(BIN)/python benchmarks/topologies.py build/topologies
	$(BIN)/converter check build/topologies -n 2 --json build/topologies/results.json

benchmark-inference: $(VENV)/exporters
	$(BIN)/python benchmarks/inference_time.py

benchmark: $(VENV)/installed
	$(BIN)/python benchmarks/conversion_time.py

clean:
	rm -rf $(VENV) demo build *.egg-info
