"""PartsModel: what models made of parts share, from presets to files."""

import keras

from keras_slots.models.presets import get_preset
from keras_slots.models.trained_weights import load_trained_weights


class PartsModel(keras.Model):
    """A model whose first arguments are layers, its parts.

    Subclasses name them in `PARTS`: arguments of the constructor and
    attributes alike. A subclass with further arguments adds them to the
    `get_config` it has from here.
    """

    PARTS: tuple[str, ...] = ()

    @classmethod
    def make_from_preset(
        cls, name: str, load_weights: bool | None = False, /, **kwargs
    ):
        """Serves `from_preset` of the subclasses: see `ObjectDiscovery`'s."""
        if load_weights is None and not kwargs.keys().isdisjoint(cls.PARTS):
            load_weights = False  # They are of the preset's own parts.
        preset = get_preset(name)
        dtype = kwargs.get("dtype")
        made = {
            part: preset.make(part, dtype)
            for part in cls.PARTS
            if part not in kwargs
        }
        model = cls(**made, **kwargs)
        model.build((None, *preset.image_shape))
        return load_trained_weights(model, name, load_weights)

    def check_parts(self):
        """Raises a `ValueError` for a part that is no layer."""
        for name in self.PARTS:
            part = getattr(self, name)
            if not isinstance(part, keras.Layer):
                raise ValueError(
                    f"`{name}` must be a layer. Received: {name}={part!r}"
                )

    def build_parts(self, shape):
        """Builds the parts, each for what the one before it gives.

        Returns:
            The shape of what the last part gives, or a tuple of shapes.
        """
        for name in self.PARTS:
            part = getattr(self, name)
            if not part.built:  # A part from a file is built already.
                _build(part, shape)
            shape = _output_shape(part, shape)
        return shape

    def make_train_function(self, force=False):
        # On TensorFlow, a step that makes the optimizer's variables is traced
        # once with them and once more without: seconds, for nothing.
        if self.built and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    def compile_from_config(self, config):
        # Keras leaves this to models that have a `compile` of their own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        parts = {name: serialize(getattr(self, name)) for name in self.PARTS}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        parts = {name: deserialize(config[name]) for name in cls.PARTS}
        return cls(**{**config, **parts})


def _build(part, shape):
    if type(part).build is keras.Layer.build:  # Its call knows what to build.
        part(keras.KerasTensor(shape))
    else:
        part.build(shape)


def _output_shape(part, shape):
    """Returns the shape of what a part gives, or a tuple of shapes."""
    try:
        return part.compute_output_shape(shape)
    except NotImplementedError:  # A layer need not have it.
        given = part.compute_output_spec(keras.KerasTensor(shape))
        return keras.tree.map_structure(lambda spec: spec.shape, given)
