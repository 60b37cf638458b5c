"""Files that people take for networks are told for what they are."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from converter.errors import ReadError
from converter.readers import matlab

pytest.importorskip("matio", reason="mat-io, which writes MATLAB objects, is not installed")
import matio
from matio.utils.matclass import MatlabOpaque

from tests.matlab import saved


def refusal(path) -> str:
    with pytest.raises(ReadError) as caught:
        matlab.read(path)
    return str(caught.value)


@pytest.mark.parametrize("version", ["v7", "v7.3"])
@pytest.mark.parametrize(
    ("class_name", "words"),
    [
        ("groundTruth", "labels of images"),
        ("acfObjectDetector", "boosted trees"),
        ("ClassificationSVM", "Statistics and Machine Learning Toolbox"),
        ("classreg.learning.classif.CompactClassificationEnsemble", "Statistics and Machine Learning Toolbox"),
        ("matlab.io.datastore.ImageDatastore", "a list of files"),
        ("experiments.internal.Experiment", "another file of its results"),
    ],
)
def test_objects_of_other_kinds(tmp_path, class_name, words, version):
    content = {"thing": MatlabOpaque({"Number": np.ones((1, 1))}, class_name)}
    matio.save_to_mat(str(tmp_path / "net.mat"), content, version=version)
    assert f"'thing' (object of class {class_name})" in (text := refusal(tmp_path / "net.mat"))
    assert words in text


def test_a_model_in_the_struct_of_an_app(tmp_path):
    """What the Classification Learner exports."""
    model = np.empty((1, 1), [("ClassificationTree", object)])
    model[0, 0]["ClassificationTree"] = MatlabOpaque({"Number": np.ones((1, 1))}, "ClassificationTree")
    matio.save_to_mat(str(tmp_path / "net.mat"), {"trainedModel": model}, version="v7")
    assert "'trainedModel.ClassificationTree' is a model of the Statistics" in refusal(tmp_path / "net.mat")


def test_weights_in_cells(tmp_path):
    weights = np.empty((1, 2), object)
    weights[0, 0], weights[0, 1] = np.ones((5, 3)), np.ones((2, 5))
    scipy.io.savemat(tmp_path / "net.mat", {"network": {"weight": weights}})
    assert "'network.weight{1}' (5×3), 'network.weight{2}' (2×5)" in refusal(tmp_path / "net.mat")


def test_the_matrices_of_a_dynamic_system_are_no_weights(tmp_path):
    scipy.io.savemat(tmp_path / "net.mat", {"A": np.eye(3), "B": np.ones((3, 2)), "B1": np.ones((3, 2)), "C": np.eye(3)})
    assert "look like weights" not in refusal(tmp_path / "net.mat")


def test_a_material_of_unity(tmp_path):
    (tmp_path / "New Material.mat").write_text("%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n--- !u!21 &2100000\n" + "x" * 99)
    assert "Unity" in refusal(tmp_path / "New Material.mat")


def test_many_variables_are_not_all_listed(tmp_path):
    scipy.io.savemat(tmp_path / "net.mat", {f"x{number}": 1.0 for number in range(50)})
    assert "and 42 more" in refusal(tmp_path / "net.mat")


def test_a_choice_of_a_part_that_is_not_there_lists_those_that_are(tmp_path):
    layers = [saved.layer("FeatureInputLayer", Name="in", InputSize=3, Normalization=np.zeros((0, 0)))]
    content = {"result": saved.struct(best=saved.array([*layers, saved.layer("ReLULayer", Name="relu")]))}
    matio.save_to_mat(str(tmp_path / "net.mat"), content, version="v7")
    assert len(matlab.read(tmp_path / "net.mat").layers) == len(matlab.read(tmp_path / "net.mat", "result.best").layers) == 2
    with pytest.raises(ReadError, match=r"no network 'result.worst', but 'result.best'"):
        matlab.read(tmp_path / "net.mat", variable="result.worst")
