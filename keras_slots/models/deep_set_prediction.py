"""DeepSetPrediction: the set whose encoding is that of the image."""

import keras
from keras import ops

from keras_slots.checks import (
    as_number,
    check_sample_weight,
    check_shapes,
    check_tensor,
)
from keras_slots.layers.set_decoding.image_vector import ImageVector
from keras_slots.layers.set_decoding.set_descent import SetDescent
from keras_slots.losses.hungarian_huber import HungarianHuberLoss
from keras_slots.models.grouping import known_size
from keras_slots.models.parts_model import PartsModel
from keras_slots.models.presets import get_preset
from keras_slots.types import Tensor


@keras.saving.register_keras_serializable(package="keras_slots")
class DeepSetPrediction(PartsModel):
    """Deep Set Prediction Networks: the baseline of the paper's section 4.2.

    The image is encoded into one vector. A set encoder turns sets into
    vectors, too, and the prediction is the set whose vector comes near that
    of the image: it is searched by gradient descent on the set, from a
    learned start, in `num_iterations` steps. The order of the result means
    nothing, as it follows that of the start.

    Training differentiates through all steps, and the loss is that of the
    sets after every step, averaged, plus `representation_weight` times how
    far the vectors of true set and image are apart (Zhang et al., 2019).
    With `implicit=True` (iDSPN; Zhang et al., 2022) the loss is that of the
    last set alone, and its gradient comes from the implicit function
    theorem, with the identity in place of the Hessian: one differentiated
    step, however many there are.

    `fit` takes pairs of images and targets `(B, m, d)`; a target is a set of
    m rows, m up to `set_size`: one for each object and zeros for the rest,
    so that the last feature tells objects from padding (see
    `keras_slots.datasets.PropertyLayout`). Rows that are missing count as
    padding. The default loss is `HungarianHuberLoss`; `evaluate` reports it
    for the last set alone. T=30 is a model trained with 10 steps that takes
    30 in the end (Zhang et al., 2019): set `num_iterations` to 30, and
    compile again.

    Different from what was published: the image encoder is that of Slot
    Attention, followed by convolutions to one vector, and no residual
    network; the set encoder is that of iDSPN in both forms; the last feature
    is a feature like any other and not clipped to [0, 1]; the loss is that of
    all sets, the start included, where the released code takes the last one
    alone; and the descent follows the mismatch of each example, not the mean
    over a batch, so that the learning rate of 800 for batches of 32 is 25
    here. iDSPN has one of 1, which learns more slowly from fresh weights.

    Args:
        encoder: Layer, images `(B, H, W, C)` to tokens `(B, N, D)`, with a
            `grid_size` method as that of `ConvEncoder`.
        set_size: Integer, n: the elements of the predicted set.
        num_features: Integer, d: the features of an element.
        num_iterations: Integer, T: steps of the descent. Defaults to `10`.
        implicit: Whether gradients are implicit. Defaults to `False`.
        latent_size: Integer, L: the size of the vector that sets and images
            are encoded into. Defaults to `512`.
        hidden_size: Integer, the hidden units of the set encoder. Defaults to
            `512`.
        inner_learning_rate: Float, of the descent. Defaults to `25.0`.
        inner_momentum: Float in [0, 1), Nesterov momentum of the descent.
            Defaults to `None`: as published, 0.9 if `implicit`, else 0.
        representation_weight: Float, the weight of the distance of vectors
            against the loss of one element. Defaults to `None`: as published,
            0 if `implicit`, else 0.1.
        **kwargs: Arguments of `keras.Model`.

    Call arguments:
        image: Float tensor `(B, H, W, C)` in [-1, 1], of the size that the
            model was built for.
        initial_set: Float tensor `(B, n, d)` that replaces the learned start.
        num_iterations: Integer, more (or fewer) steps than in training.
        return_all_iterations: Whether to return the start and the sets after
            every step. Defaults to `False`.
        training: Whether to return what the loss needs.

    Returns:
        Predictions `(B, n, d)`, float32 under every policy and not limited
        to any range; `(B, T + 1, n, d)` with `return_all_iterations=True`.
        In training a dict: `sets` `(B, T + 1, n, d)`, of which only the last
        has a gradient if `implicit`, and `latent` `(B, L)`.

    Raises:
        ValueError: If an argument is out of range, the image has an unknown
            size or another one than before, or targets have more rows than
            `set_size` or another number of features.

    Example:

    >>> import keras, keras_slots
    >>> model = keras_slots.models.DeepSetPrediction(
    ...     keras_slots.layers.ConvEncoder(strides=(1, 2, 2, 1)),
    ...     set_size=6,
    ...     num_features=19,
    ... )
    >>> images = keras.random.uniform((2, 64, 64, 3), -1.0, 1.0, seed=0)
    >>> model(images).shape
    TensorShape([2, 6, 19])
    >>> model(images, num_iterations=30).shape
    TensorShape([2, 6, 19])

    References:
        - [Zhang et al., 2019](https://arxiv.org/abs/1906.06565)
        - [Zhang et al., 2022](https://arxiv.org/abs/2111.12193)
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055), section
          4.2
    """

    # Letters: B batch, T iterations, n elements, d features, L latent.

    PARTS = ("encoder",)

    def __init__(
        self,
        encoder: keras.Layer,
        set_size: int,
        num_features: int,
        num_iterations: int = 10,
        implicit: bool = False,
        latent_size: int = 512,
        hidden_size: int = 512,
        inner_learning_rate: float = 25.0,
        inner_momentum: float | None = None,
        representation_weight: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if inner_momentum is None:
            inner_momentum = 0.9 if implicit else 0.0
        if representation_weight is None:
            representation_weight = 0.0 if implicit else 0.1
        self.encoder = encoder
        self.input_spec = keras.InputSpec(ndim=4, name="image")
        self.check_parts()
        self.representation_weight = as_number(
            "representation_weight", representation_weight
        )
        # Checks and holds the other arguments.
        self.set_descent = SetDescent(
            set_size=set_size,
            num_features=num_features,
            latent_size=latent_size,
            hidden_size=hidden_size,
            num_iterations=num_iterations,
            inner_learning_rate=inner_learning_rate,
            inner_momentum=inner_momentum,
            implicit=implicit,
            name="set_descent",
        )
        for name in SetDescent.ARGUMENTS:
            setattr(self, name, getattr(self.set_descent, name))

    @classmethod
    def from_preset(cls, name: str, /, **kwargs) -> "DeepSetPrediction":
        """Makes a model with fresh weights for what a preset predicts.

        It has the preset's encoder, its number of slots as `set_size` and its
        features, unless they are given.

        Args:
            name: A preset of `SetPrediction`, such as `"clevr_properties"`.
            **kwargs: Further arguments of `DeepSetPrediction`. A `dtype` goes
                to the encoder too.

        Returns:
            A `DeepSetPrediction` model, built for the preset's image size.

        Raises:
            ValueError: If there is no such preset, or it predicts no sets.
        """
        preset = get_preset(name)
        head = preset.make("head")
        sizes = {
            "set_size": preset.slot_attention["num_slots"],
            "num_features": head.num_features,
        }
        return cls.make_from_preset(name, **{**sizes, **kwargs})

    def build(self, image_shape):
        self.image_shape = tuple(image_shape[1:])
        self.build_parts(image_shape)
        self.image_vector = ImageVector(
            self.latent_size,
            self.encoder.grid_size(*known_size(image_shape)),
            name="image_vector",
            dtype=self.dtype_policy,
        )
        self.image_vector.build(self.encoder.compute_output_shape(image_shape))
        self.set_descent.build((None, self.latent_size))

    def call(
        self,
        image,
        initial_set=None,
        num_iterations=None,
        return_all_iterations=False,
        training=False,
    ):
        sizes = dict(zip("HWC", self.image_shape, strict=True))
        check_shapes({"image": (image, "(B, H, W, C)")}, **sizes)
        latent = self.image_vector(self.encoder(image))
        latent = ops.cast(latent, "float32")  # (B, L)
        if num_iterations is None:
            num_iterations = self.num_iterations
        sets = self.set_descent(
            latent, initial_set=initial_set, num_iterations=num_iterations
        )  # (B, T + 1, n, d)
        if training:
            return {"sets": sets, "latent": latent}
        return sets if return_all_iterations else sets[:, -1]

    def compile(self, optimizer="adam", loss=None, metrics=None, **kwargs):
        loss = HungarianHuberLoss() if loss is None else loss
        super().compile(optimizer, loss=loss, metrics=metrics, **kwargs)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        y = self._padded(y)  # (B, n, d)
        check_sample_weight(sample_weight)
        compiled_loss = super().compute_loss
        if not isinstance(y_pred, dict):  # Not training.
            return compiled_loss(x, y, y_pred, sample_weight, training)
        sets, latent = y_pred["sets"], y_pred["latent"]
        if self.implicit:
            sets = sets[:, -1:]
        # Every step is an example: (B * T, n, d), the start included.
        steps = sets.shape[1]
        weights = sample_weight
        if sample_weight is not None:
            sample_weight = ops.convert_to_tensor(sample_weight)
            weights = ops.repeat(sample_weight, steps, axis=0)
        loss = compiled_loss(
            x,
            ops.repeat(y, steps, axis=0),
            ops.reshape(sets, (-1, self.set_size, self.num_features)),
            weights,
            training,
        )
        if not self.representation_weight:
            return loss
        distance = self._distance(y, latent, sample_weight)
        # As much as published, where the loss is averaged over the elements.
        weight = self.representation_weight * self.set_size
        return loss + ops.cast(weight * distance, ops.dtype(loss))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if isinstance(y_pred, dict):
            y_pred = y_pred["sets"][:, -1]
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def _padded(self, y: Tensor) -> Tensor:
        """Pads the targets to a set of `set_size` elements."""
        check_tensor("y", y, "(B, m, d)")
        check_shapes({"y": (y, "(B, m, d)")}, d=self.num_features)
        num_rows = y.shape[1]
        if num_rows is None or num_rows > self.set_size:
            raise ValueError(
                "Targets must have a known number of rows, at most "
                f"`set_size`, {self.set_size}. Pad batches to one size, or "
                "make a model of a larger `set_size`. Received: "
                f"y.shape={tuple(y.shape)}"
            )
        padding = ((0, 0), (0, self.set_size - num_rows), (0, 0))
        return ops.pad(ops.cast(y, "float32"), padding)

    def _distance(self, y: Tensor, latent: Tensor, sample_weight) -> Tensor:
        """Measures how far vectors of true sets are from `latent`: a scalar."""
        vector = self.set_descent.set_encoder(y)  # (B, L)
        distance = keras.losses.huber(vector, latent)  # (B,)
        if sample_weight is not None:
            weight = ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
            distance = distance * weight
        return ops.mean(distance)

    def get_config(self):
        return {
            **super().get_config(),
            "representation_weight": self.representation_weight,
            **{name: getattr(self, name) for name in SetDescent.ARGUMENTS},
        }
