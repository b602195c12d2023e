"""The trained weights that the package ships, and what is told of them."""

import hashlib
import json
from pathlib import Path
from typing import Any

from keras_slots.models.presets import PRESETS

# For each trained preset NAME: NAME.weights.h5, and NAME.json, what its
# training left in metrics.json, and the checksum of the weights.
FOLDER = Path(__file__).parent / "weights"


def list_presets() -> dict[str, dict[str, Any]]:
    """Lists all presets, and what is known of those with trained weights.

    Returns:
        A dict by name. Each value is a dict: `model`, the name of the class
        that makes it; `image_shape`, `(H, W, C)`; `trained`, whether
        `from_preset` loads weights; and where it does, `scores`, how the
        training ended on held-out scenes: `fg_ari` and `mbo`, or average
        precision by distance threshold.

    Example:
    >>> from keras_slots.models import list_presets
    >>> presets = list_presets()
    >>> presets["clevr6"]["model"], presets["clevr6"]["trained"]
    ('ObjectDiscovery', False)
    """
    return {name: _describe(name) for name in PRESETS}


def _describe(name):
    preset = PRESETS[name]
    trained = weights_path(name).exists()
    return {
        "model": "ObjectDiscovery" if preset.head is None else "SetPrediction",
        "image_shape": preset.image_shape,
        "trained": trained,
        **({"scores": read_card(name)["scores"]} if trained else {}),
    }


def weights_path(name: str) -> Path:
    """Returns where the weights of a preset are, if there are some."""
    return FOLDER / f"{name}.weights.h5"


def read_card(name: str) -> dict[str, Any]:
    """Reads the settings and scores of the training of a preset's weights."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def load_trained_weights(model, name: str, load_weights: bool | None):
    """Returns the built model, with trained weights as `from_preset` asks."""
    path = weights_path(name)
    if load_weights and not path.exists():
        trained = [other for other in PRESETS if weights_path(other).exists()]
        raise ValueError(
            f"The preset {name!r} has no trained weights. Pass "
            "`load_weights=False`, or choose one of "
            f"{', '.join(map(repr, trained))}. Received: load_weights=True"
        )
    if load_weights is not False and path.exists():
        if checksum(path) != read_card(name)["sha256"]:
            raise ValueError(
                "The file of weights is damaged; install keras-slots again. "
                f"Received: path={str(path)!r}"
            )
        model.load_weights(path)
    return model


def checksum(path: Path) -> str:
    """Computes the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
