"""Emitted code held against files that are read as prose. ``UPDATE_GOLDEN=1 pytest tests/golden`` writes them anew."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import converter
from converter.emitters import emit
from tests.emitted import read
from tests.originals.code import model_code_lines
from tests.topologies import seeded

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "fixtures"
TARGETS = ["keras", "pytorch"]
TOPOLOGIES = ["densenet121", "resnet50", "shufflenet", "squeezenet"]


def cases():
    for target in TARGETS:
        yield f"alexnet_{target}", lambda t=target: emit(converter.read(FIXTURES / "alexnet.mat"), t)
        yield f"alexnet_same_{target}", lambda t=target: emit(converter.read(FIXTURES / "alexnet.mat"), t, same=True)
        yield f"alexnet_printed_{target}", lambda t=target: emit(converter.read(FIXTURES / "AlexNet.txt"), t)
        yield f"branches_{target}", lambda t=target: emit(converter.read(FIXTURES / "branches.mat"), t)
        for name in TOPOLOGIES:
            yield f"{name}_{target}", lambda n=name, t=target: emit(read(seeded(n, 0)), t)


@pytest.mark.parametrize(("name", "make"), [pytest.param(name, make, id=name) for name, make in cases()])
def test_emitted_code(name, make):
    path = HERE / "files" / f"{name}.py"
    code = make().code
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
    assert code == path.read_text()


@pytest.mark.parametrize("name", [name for name, _ in cases()])
def test_golden_file_is_clean(name):
    path = HERE / "files" / f"{name}.py"
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, "--isolated", path], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    assert "converter" not in {name.split(".")[0] for name in imported(path)}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return modules | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("target", TARGETS)
def test_alexnet_is_short(target):
    assert model_code_lines((HERE / "files" / f"alexnet_{target}.py").read_text()).own <= 45


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
