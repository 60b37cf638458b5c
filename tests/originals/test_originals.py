"""Every original, exported and converted, gives the numbers of its own module. ``make test-exports`` runs it."""

import pytest

import converter
from tests.originals.export import EXPORTERS, arguments, exported
from tests.originals.measures import output_error
from tests.originals.networks import ORIGINALS

pytestmark = pytest.mark.exports

TOLERANCE = 1e-5


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("name", ORIGINALS)
def test_converted_export_computes_what_the_original_does(name, exporter, target, tmp_path):
    original = ORIGINALS[name]
    if missing := original.missing():
        pytest.skip(f"{missing} is not installed")
    conversion = converter.convert(exported(original, exporter), to=target, out=tmp_path / "model", verify=False)
    module, inputs = original.module()
    assert output_error(conversion, module, arguments(original, inputs, 1)) <= TOLERANCE
