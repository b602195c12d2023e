"""Dense layers, built, with the dtype policy of the layer they belong to."""

import keras


def dense(
    owner: keras.Layer, name: str, features: int, units: int, **kwargs
) -> keras.layers.Dense:
    """Makes a built `Dense` from `features` to `units`."""
    kwargs = {"dtype": owner.dtype_policy, **kwargs}
    layer = keras.layers.Dense(units, name=name, **kwargs)
    layer.build((None, features))
    return layer


def mlp(
    owner: keras.Layer, name: str, features: int, sizes: tuple[int, ...]
) -> list[keras.layers.Dense]:
    """Makes the layers of an MLP: ReLU between them, but not at the end."""
    layers: list[keras.layers.Dense] = []
    for units in sizes:
        last = len(layers) == len(sizes) - 1
        layers.append(
            dense(
                owner,
                f"{name}{len(layers)}",
                features,
                units,
                activation=None if last else "relu",
            )
        )
        features = units
    return layers
