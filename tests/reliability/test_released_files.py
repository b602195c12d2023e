"""Files of every release load, and give what they gave."""

import keras
import numpy as np
import pytest

import keras_slots
from tests.conformance.descriptors import arrays
from tests.reliability.released_files import FOLDER

FILES = sorted(FOLDER.glob("*/*.keras"))


@pytest.mark.parametrize(
    "path", FILES, ids=lambda x: f"{x.parent.name}-{x.stem}"
)
def test_a_released_file_gives_what_it_gave(path):
    model = keras.saving.load_model(path)
    with np.load(path.with_suffix(".npz")) as known:
        outputs = {n: known[n] for n in known if n.startswith("output_")}
        inputs = {n: known[n] for n in known if n not in outputs}
    found = arrays(model(**inputs))
    for value, expected in zip(found, outputs.values(), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)


def test_this_version_has_files():
    """A new version needs them, before it is released."""
    assert (FOLDER / keras_slots.__version__).is_dir()
