"""Emitted code held against files that are read as prose. ``UPDATE_GOLDEN=1 pytest tests/golden`` writes them anew."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

import converter
from converter.emitters import emit
from tests.emitted import read
from tests.originals.code import identifiers, letter_numbers, model_code_lines, mypy_findings
from tests.topologies import seeded

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "fixtures"
TARGETS = ["keras", "pytorch"]
TOPOLOGIES = ["densenet121", "resnet50", "shufflenet", "squeezenet"]
NETWORKS = sorted(path.stem for path in (FIXTURES / "networks").glob("*.onnx"))
"""Exports of the networks in ``networks.py``."""


def cases():
    for target in TARGETS:
        yield f"alexnet_{target}", lambda t=target: emit(converter.read(FIXTURES / "alexnet.mat"), t)
        yield f"alexnet_same_{target}", lambda t=target: emit(converter.read(FIXTURES / "alexnet.mat"), t, same=True)
        yield f"alexnet_printed_{target}", lambda t=target: emit(converter.read(FIXTURES / "AlexNet.txt"), t)
        yield f"branches_{target}", lambda t=target: emit(converter.read(FIXTURES / "branches.mat"), t)
        for name in TOPOLOGIES:
            yield f"{name}_{target}", lambda n=name, t=target: emit(read(seeded(n, 0)), t)
        for name in NETWORKS:
            yield f"{name}_{target}", lambda n=name, t=target: emit(converter.read(FIXTURES / "networks" / f"{n}.onnx"), t)


@pytest.mark.parametrize(("name", "make"), [pytest.param(name, make, id=name) for name, make in cases()])
def test_emitted_code(name, make):
    path = HERE / "files" / f"{name}.py"
    code = make().code
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
    assert code == path.read_text()


RULES = ["--extend-select", "N", "--ignore", "N812"]
"""Those of naming too, but for that against ``import torch.nn.functional as F``, which everybody writes."""


@pytest.mark.parametrize("command", [["check", *RULES], ["format", "--check"]], ids=["rules", "format"])
def test_golden_files_are_clean_for_ruff(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--isolated", HERE / "files"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_golden_files_need_nothing_of_this_package():
    for name, _ in cases():
        assert "converter" not in {name.split(".")[0] for name in imported(HERE / "files" / f"{name}.py")}, name


def test_names_of_a_letter_and_a_number_are_those_of_the_source():
    """Of a network that a person wrote, any that its code has; of a topology, those in its file; a MATLAB network has none."""
    found = {}
    for name, _ in cases():
        network, code = name.rsplit("_", 1)[0], (HERE / "files" / f"{name}.py").read_text()
        source = set()
        if network in NETWORKS:
            source = identifiers((HERE / "networks.py").read_text(encoding="utf-8"))
        elif network in TOPOLOGIES:
            source = names_in(seeded(network, 0))
        found[name] = letter_numbers(code, source)
    assert not {name: names for name, names in found.items() if names}


def names_in(model: onnx.ModelProto) -> set[str]:
    texts = [text for node in model.graph.node for text in (node.name, *node.input, *node.output)]
    return {part for text in texts for part in re.split(r"\W+", text)}


@pytest.mark.parametrize("target", TARGETS)
def test_golden_files_are_clean_for_mypy(target):
    """By its defaults. Keras has neither stubs nor ``py.typed``, which mypy tells of each file that imports it."""
    pytest.importorskip("mypy")
    files = sorted((HERE / "files").glob(f"*_{target}.py"))
    found = mypy_findings(*files)
    assert found == ({} if target == "pytorch" else {"import-untyped": len(files)})


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return modules | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("target", TARGETS)
def test_alexnet_is_short(target):
    assert model_code_lines((HERE / "files" / f"alexnet_{target}.py").read_text()).own <= 45


@pytest.mark.parametrize(
    ("name", "most"), [("resnet50_pytorch", 70), ("resnet50_keras", 80), ("densenet121_pytorch", 60), ("densenet121_keras", 70)]
)
def test_networks_that_tell_no_modules_are_short(name, most):
    assert model_code_lines((HERE / "files" / f"{name}.py").read_text()).own <= most


@pytest.mark.parametrize("target", TARGETS)
def test_printed_layers_give_the_code_of_the_layers_themselves(target):
    """All but the docstring, which tells what a printed list leaves open."""
    printed, table = (
        ast.parse((HERE / "files" / f"{name}_{target}.py").read_text()) for name in ("alexnet_printed", "alexnet")
    )
    assert ast.unparse(printed.body[1:]) == ast.unparse(table.body[1:])
    assert "48 channels after 96 channels are read as 2 groups" in " ".join(ast.get_docstring(printed).split())


def test_the_founding_question():
    keras = (HERE / "files" / "alexnet_keras.py").read_text()
    assert (
        'x = layers.ZeroPadding2D(2)(x)\n    x = layers.Conv2D(256, 5, groups=2, activation="relu", name="conv2")(x)\n' in keras
    )
    pytorch = (HERE / "files" / "alexnet_pytorch.py").read_text()
    assert "self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)\n" in pytorch
