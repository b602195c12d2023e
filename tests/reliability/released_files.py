"""Writes what later versions must be able to load: run it at each release.

```shell
python -m tests.reliability.released_files
```

For each model of the package a small one of every option, as a `.keras` file,
and what it was given and gave, in `tests/golden/released/VERSION`.
"""

from pathlib import Path

import keras
import numpy as np

import keras_slots
from tests.conformance.descriptors import MODELS, arrays, build_by_call

FOLDER = Path(__file__).parents[1] / "golden" / "released"


def main():
    """Writes the files of this version."""
    folder = FOLDER / keras_slots.__version__
    folder.mkdir(parents=True)  # What was released does not change.
    for descriptor in MODELS:
        keras.utils.set_random_seed(0)
        model = build_by_call(descriptor)
        name = str(descriptor).replace(" ", "_")
        model.save(folder / f"{name}.keras")
        outputs = arrays(model(**descriptor.inputs))
        named = {f"output_{i}": x for i, x in enumerate(outputs)}
        np.savez(folder / f"{name}.npz", **descriptor.inputs, **named)
    print("\n".join(str(path) for path in sorted(folder.iterdir())))


if __name__ == "__main__":
    main()
