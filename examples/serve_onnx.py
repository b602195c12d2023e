"""Runs an exported ONNX file with onnxruntime alone, as a server would.

```shell
python examples/serve_onnx.py FILE.onnx INPUTS.npz OUTPUTS.npz
```

`INPUTS.npz` holds what the endpoint takes, by name: for `discover` an `image`
`(B, H, W, C)` in [-1, 1]; for `discover_from` `initial_slots` `(B, K, D)` too.
`OUTPUTS.npz` receives the outputs by name. It takes NumPy and onnxruntime,
neither TensorFlow nor Keras nor keras-slots.
"""

import argparse

import numpy as np
import onnxruntime


def main(file: str, inputs: str, outputs: str) -> None:
    """Reads the inputs, runs the model once, and writes its outputs."""
    session = onnxruntime.InferenceSession(file)
    names = [output.name for output in session.get_outputs()]
    with np.load(inputs) as arrays:
        served = session.run(names, dict(arrays))
    np.savez(outputs, **dict(zip(names, served, strict=True)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name in ("file", "inputs", "outputs"):
        parser.add_argument(name)
    main(**vars(parser.parse_args()))
