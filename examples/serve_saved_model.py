"""Runs an exported SavedModel with TensorFlow alone, as a server would.

```shell
python examples/serve_saved_model.py \
    SAVED_MODEL discover INPUTS.npz OUTPUTS.npz
```

`INPUTS.npz` holds what the endpoint takes, by name: for `discover` an `image`
`(B, H, W, C)` in [-1, 1]; for `discover_from` `initial_slots` `(B, K, D)` too.
`OUTPUTS.npz` receives the outputs by name, in float32. The script forbids
itself Keras and keras-slots: the SavedModel holds all that it needs.
"""

import argparse
import sys

# An import of either now fails. (TensorFlow imports Keras where it can.)
sys.modules["keras"] = None
sys.modules["keras_slots"] = None

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main(saved_model: str, endpoint: str, inputs: str, outputs: str) -> None:
    """Reads the inputs, runs the model once, and writes its outputs."""
    loaded = tf.saved_model.load(saved_model)
    with np.load(inputs) as arrays:
        tensors = {name: tf.constant(arrays[name]) for name in arrays}
    served = loaded.signatures[endpoint](**tensors)
    np.savez(
        outputs,
        **{name: tf.cast(x, tf.float32).numpy() for name, x in served.items()},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name in ("saved_model", "endpoint", "inputs", "outputs"):
        parser.add_argument(name)
    main(**vars(parser.parse_args()))
