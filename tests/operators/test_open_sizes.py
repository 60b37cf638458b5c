"""Cases of the conformance suite with every size of every input left open: what needs a size asks for it when it runs."""

import dataclasses

import onnx
import onnx.parser
import pytest

from converter.operators import refusals
from tests.backend import cases
from tests.emitted import read

NAMES = [
    "affine_grid_2d_expanded",
    "argmax_default_axis_example_select_last_index",
    "attention_3d_gqa",
    "attention_4d_with_past_and_present",
    "averagepool_2d_precomputed_same_upper",
    "basic_conv_with_padding",
    "basic_deform_conv_with_padding",
    "causal_conv_with_state_with_bias",
    "center_crop_pad_crop",
    "center_crop_pad_crop_and_pad",
    "center_crop_pad_crop_negative_axes_hwc",
    "cumsum_1d_exclusive",
    "cumsum_1d_reverse_exclusive",
    "depthtospace_example",
    "depthtospace_crd_mode_example",
    "dft",
    "dft_irfft",
    "eyelike_without_dtype",
    "eyelike_populate_off_main_diagonal",
    "flatten_axis2",
    "flatten_negative_axis1",
    "gathernd_example_int32_batch_dim1",
    "group_normalization_example",
    "gru_bidirectional",
    "hardmax_axis_0",
    "instancenorm_example",
    "linear_attention_gated_delta",
    "lrn",
    "lstm_with_peepholes",
    "reversesequence_bfloat16",
    "rms_normalization_4d_axis0",
    "maxpool_with_argmax_2d_precomputed_strides",
    "reduce_sum_default_axes_keepdims_example",
    "reduce_sum_empty_axes_input_noop",
    "roialign_aligned_true",
    "rotary_embedding_3d_input",
    "rotary_embedding_interleaved",
    "slice",
    "slice_default_axes",
    "slice_negative_axes",
    "spacetodepth",
    "spacetodepth_crd_mode_example",
    "split_2d_uneven_split_opset18",
    "split_variable_parts_2d_opset18",
    "squeeze",
    "squeeze_negative_axes",
    "stft",
    "tensorscatter_circular",
    "tfidfvectorizer_tf_batch_uniandbigrams_skip5",
    "top_k",
    "unsqueeze_negative_axes",
    "unsqueeze_two_axes",
]


def opened(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with a symbol of its own for each size of its inputs, and nothing said of its outputs' sizes."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for ports in (model.graph.input, model.graph.output):
        for port in ports:
            for axis, size in enumerate(port.type.tensor_type.shape.dim):
                size.Clear()
                if ports is model.graph.input:
                    size.dim_param = f"{port.name}_{axis}"
    return model


@pytest.mark.parametrize("target", cases.TARGETS)
@pytest.mark.parametrize("name", NAMES)
def test_sizes_are_asked_for_when_it_runs(name, target):
    (case,) = [case for case in cases.cases("node") if case.name == f"test_{name}"]
    model, data = case.read()
    cases.run(dataclasses.replace(case, read=lambda: (opened(model), data)), target)


@pytest.mark.parametrize("target", cases.TARGETS)
def test_a_rank_that_nothing_tells_is_refused(target):
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 21]> net (float[n] x, int64[k] sizes) => (float y)
        <float[4] one = {1, 1, 1, 1}, float[4] zero = {0, 0, 0, 0}> {
        shaped = Reshape (x, sizes)  y = InstanceNormalization (shaped, one, zero)
        }"""
    )
    (problem,) = refusals(read(model), target)
    assert "the number of axes of its input is unknown" in problem.reason
