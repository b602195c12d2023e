"""SetPrediction: the properties of every object in an image."""

import keras
from keras import ops

from keras_slots.checks import check_sample_weight, check_shapes, check_tensor
from keras_slots.losses.hungarian_huber import HungarianHuberLoss
from keras_slots.models.grouping import find_slots, needs_centers
from keras_slots.models.parts_model import PartsModel
from keras_slots.models.presets import get_preset


@keras.saving.register_keras_serializable(package="keras_slots")
class SetPrediction(PartsModel):
    """Predicts the set of objects in an image, each with its properties.

    An encoder turns the image into tokens, Slot Attention (or the baseline,
    `SlotMLP`) groups them into slots, and a head says of every slot which
    object it holds (section 5.4 of the supplement).

    `fit` takes pairs of images and targets; a target is a set of rows, one
    for each object and zeros for the rest (see
    `keras_slots.datasets.PropertyLayout`). Give `compile` a loss between
    sets; the default is `HungarianHuberLoss`, the paper's.

    Slots that start from a Gaussian, as the paper's do, are drawn anew in
    every call: two calls on one image differ unless `initial_slots` is passed.

    Args:
        encoder: Layer, images `(B, H, W, C)` to tokens `(B, N, D)`; where
            slots or head have centers, with a `grid_size` method as that of
            `ConvEncoder`.
        slot_attention: Layer, tokens to slots `(B, K, slot_size)`.
        head: Layer, slots `(..., K, slot_size)` to predictions `(..., K, d)`.
        loss_at_every_iteration: Whether training applies head and loss to the
            slots of every iteration and not only the last (section 3.2,
            Figure 17); their losses are reduced as those of a batch are, by
            default averaged. Defaults to `False`.
        **kwargs: Arguments of `keras.Model`.

    Call arguments:
        image: Float tensor `(B, H, W, C)` in [-1, 1].
        initial_slots: Float tensor `(B, K, slot_size)` that replaces the
            sampled start and makes the model deterministic.
        num_slots: Integer, more (or fewer) slots than in training.
        num_iterations: Integer, more (or fewer) iterations than in training.
        return_attention_scores: Whether to return the attention too.
        return_all_iterations: Whether to return every iteration's result.
            Defaults to `False`; `fit` asks for it where it needs it.

    Returns:
        Predictions `(B, K, d)`; with `return_attention_scores=True` the pair
        of predictions and attention `(B, K, N)`. With
        `return_all_iterations=True` both gain an axis T after the batch.

    Raises:
        ValueError: If there are more targets than slots, targets and
            predictions differ in their features, or a part cannot do what is
            asked of it.

    Example:

    >>> import keras, keras_slots
    >>> model = keras_slots.models.SetPrediction.from_preset(
    ...     "clevr_scenes_properties"
    ... )
    >>> images = keras.random.uniform((2, 64, 64, 3), -1.0, 1.0, seed=0)
    >>> model(images).shape
    TensorShape([2, 6, 19])

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055)
    """

    # Letters: B batch, T iterations, K slots, n targets, d features.

    PARTS = ("encoder", "slot_attention", "head")

    def __init__(
        self,
        encoder: keras.Layer,
        slot_attention: keras.Layer,
        head: keras.Layer,
        loss_at_every_iteration: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.slot_attention = slot_attention
        self.head = head
        self.input_spec = keras.InputSpec(ndim=4, name="image")
        self.check_parts()
        self.loss_at_every_iteration = loss_at_every_iteration

    @classmethod
    def from_preset(
        cls, name: str, /, load_weights: bool | None = None, **kwargs
    ) -> "SetPrediction":
        """Makes a model by the name of its configuration, trained if it can be.

        Args:
            name: `"clevr_scenes_properties"`, small and trained on generated
                scenes, or `"clevr_properties"`, the paper's (tables 3, 7 and
                10c of the supplement).
            load_weights: Boolean or `None`. Whether to load the weights that
                the package ships; `None` loads them where there are some and
                no part is given. Defaults to `None`.
            **kwargs: Arguments of `SetPrediction`: parts to take in place of
                the preset's, and others. A `dtype` goes to every part that is
                made.

        Returns:
            A `SetPrediction` model, built for the preset's image size.

        Raises:
            ValueError: If there is no such preset, or it has no weights and
                `load_weights=True`.
        """
        every = get_preset(name).loss_at_every_iteration
        kwargs = {"loss_at_every_iteration": every, **kwargs}
        return cls.make_from_preset(name, load_weights, **kwargs)

    def build(self, image_shape):
        self.image_shape = tuple(image_shape[1:])  # What `export` serves.
        self.build_parts(image_shape)

    def call(
        self,
        image,
        initial_slots=None,
        num_slots=None,
        num_iterations=None,
        return_attention_scores=False,
        return_all_iterations=False,
        training=False,
    ):
        found = find_slots(
            self,
            self.head,
            image,
            image.shape,
            initial_slots=initial_slots,
            num_slots=num_slots,
            num_iterations=num_iterations,
            return_attention_scores=return_attention_scores,
            return_all_iterations=return_all_iterations
            or (training and self.loss_at_every_iteration),
        )  # Slots (B, K, D) and attention (B, K, N), or with an axis T
        if needs_centers(self.head):
            predictions = self.head(found["slots"], found["centers"])
        else:
            predictions = self.head(found["slots"])
        # Predictions (B, K, d), or (B, T, K, d)
        if not return_attention_scores:
            return predictions
        return predictions, found["attention"]

    def compile(self, optimizer="adam", loss=None, metrics=None, **kwargs):
        loss = HungarianHuberLoss() if loss is None else loss
        super().compile(optimizer, loss=loss, metrics=metrics, **kwargs)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        check_targets(y, y_pred)
        check_sample_weight(sample_weight)
        if len(y_pred.shape) == 3:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        # The loss at every iteration: each against the same targets.
        iterations = y_pred.shape[1]
        folded = (-1, *y_pred.shape[2:])
        y_pred = ops.reshape(
            ops.swapaxes(y_pred, 0, 1), folded
        )  # (T * B, K, d)
        y = ops.tile(y, (iterations, 1, 1))
        if sample_weight is not None:
            weights = ops.reshape(sample_weight, (-1,))  # (B,)
            sample_weight = ops.tile(weights, (iterations,))
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if len(y_pred.shape) == 4:
            y_pred = y_pred[:, -1]  # The last iteration's.
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def get_config(self):
        return {
            **super().get_config(),
            "loss_at_every_iteration": self.loss_at_every_iteration,
        }


def check_targets(y, y_pred):
    """Raises a `ValueError` if predictions cannot be matched to targets."""
    check_tensor("y", y, "(B, n, d)")
    check_shapes({"y": (y, "(B, n, d)")}, d=y_pred.shape[-1])
    if y.shape[1] is not None and y.shape[1] > y_pred.shape[-2]:
        raise ValueError(
            f"There are {y.shape[1]} targets and only {y_pred.shape[-2]} "
            "slots; give the model more slots, or the data fewer "
            f"`num_targets`. Received: y.shape={tuple(y.shape)}"
        )
