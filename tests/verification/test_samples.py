"""The kinds of samples that share a batch."""

import numpy as np
import pytest

from converter.verification.samples import kinds_of, varied

SHAPE = (3, 20, 30)  # channels, height, width


def sample(kind, shape=SHAPE):
    noise = np.random.default_rng(0).standard_normal((1, *shape))
    return varied(noise, [kind], np.random.default_rng(1))[0], noise[0]


def test_each_kind_is_met_in_batches_and_noise_in_each():
    batches = [kinds_of(position, 3) for position in range(3)]
    assert all("plain" in kinds for kinds in batches)
    assert set().union(*batches) == {"plain", "border", "small", "flat", "large", "sparse"}
    assert {kinds_of(position, 1)[0] for position in range(3)} == {"plain", "sparse", "border"}
    assert len(kinds_of(4, 7)) == 7


@pytest.mark.parametrize("shape", [SHAPE, (20, 30, 3)])
def test_a_border_has_its_corners_and_little_else(shape):
    border, noise = sample("border", shape)
    pixels = np.moveaxis(border, shape.index(3), 0)
    assert all((pixels[:, row, column] != 0).all() for row in (0, -1) for column in (0, -1))
    for side in (pixels[:, 0, 1:-1], pixels[:, -1, 1:-1], pixels[:, 1:-1, 0], pixels[:, 1:-1, -1]):
        assert side.any()
    assert np.count_nonzero(pixels[0]) < 10
    assert np.isin(border, [0, *noise.flat]).all()


def test_flat_is_flat_in_each_channel():
    flat, _ = sample("flat")
    assert (flat == flat[:, :1, :1]).all()
    assert len(np.unique(flat)) == 3


def test_small_large_and_sparse():
    small, noise = sample("small")
    large, _ = sample("large")
    sparse, _ = sample("sparse")
    assert np.abs(small).max() < np.abs(noise).max() / 10 < np.abs(large).max() / 100
    assert 0 < np.count_nonzero(sparse) < 0.2 * sparse.size


@pytest.mark.parametrize("shape", [(4,), (1,), (2, 1), (1, 1, 1, 1), (0, 3)])
@pytest.mark.parametrize("kind", ["plain", "border", "small", "flat", "large", "sparse"])
def test_any_shape_will_do(shape, kind):
    assert sample(kind, shape)[0].shape == shape
