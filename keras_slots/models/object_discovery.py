"""ObjectDiscovery: an auto-encoder with slots in the middle."""

from collections.abc import Callable

import keras
from keras import ops

from keras_slots.checks import (
    as_integer,
    as_number,
    as_number_or_none,
    check_rank,
    check_sample_weight,
    check_tensor,
)
from keras_slots.layers.decoder.pixel_mixture import (
    mixture_error,
    posterior_masks,
)
from keras_slots.metrics.adjusted_rand_index import AdjustedRandIndex
from keras_slots.models.grouping import attends, find_slots
from keras_slots.models.parts_model import PartsModel
from keras_slots.models.presets import get_preset
from keras_slots.types import Tensor

# Arguments of the loss, in presets too.
LOSS_TERMS = ("pixel_noise", "slot_charge", "penalty_start")
# Of a slot that holds next to nothing: half a pixel of 64 x 64.
SMALLEST_SHARE = 1e-4


@keras.saving.register_keras_serializable(package="keras_slots")
class ObjectDiscovery(PartsModel):
    """Takes images apart into objects, from images alone.

    An encoder turns the image into tokens, Slot Attention groups the tokens
    into slots, and a decoder draws every slot by itself and mixes the
    drawings (sections 5.1 to 5.3 of the supplement). The model learns by
    reconstructing its input: no label is needed.

    `compile` needs an optimizer only. The loss is the mean squared error
    between image and reconstruction (another loss must give a value for each
    pixel), what `pixel_noise` and `slot_charge` add, and what parts add, such
    as the decoder's `mask_penalty`. `fit` takes images alone, or pairs of
    images and integer masks; with masks it also reports segmentation
    metrics, by default the foreground ARI (`fg_ari`). Masks never train.

    Slots that start from a Gaussian, as the paper's do, are drawn anew in
    every call: two calls on one image differ unless `initial_slots` is passed.

    Args:
        encoder: Layer, images `(B, H, W, C)` to tokens `(B, N, D)`; where
            slots or decoder have centers, with a `grid_size` method as that
            of `ConvEncoder`.
        slot_attention: Layer, tokens to slots `(B, K, slot_size)`:
            `SlotAttention`, or the baseline `SlotMLP`, which has neither
            iterations nor attention.
        decoder: Layer, slots `(B, K, slot_size)` to a triple: the
            reconstruction `(B, h, w, F)`, what each slot draws
            `(B, K, h, w, F)`, and masks `(B, K, h, w, 1)` that sum to one over
            the slots. `keras_slots.layers.mix_slots` makes the first and the
            last. To leave slots out, its call must take `slot_mask` `(B, K)`.
        target: Layer or callable, images `(B, H, W, C)` to what the decoder
            reconstructs, `(B, h, w, F)`, such as the features of a pretrained
            encoder. It gets no gradient; freeze a layer with weights of its
            own by `trainable = False`. A callable must be registered with
            Keras to be saved. Defaults to `None`: the image itself.
        pixel_noise: Float or `None`, the standard deviation of a pixel around
            what its slot draws, in units of the image. With it the model is a
            mixture of Gaussians: `masks` say which slot made each pixel given
            the image (`keras_slots.layers.posterior_masks`), and the loss
            gains how unlikely the image is, `-2 s^2 / C` times the mean of
            `log sum_k m_k exp(-|x - x_k|^2 / 2 s^2)` for pixels x, drawings
            `x_k` and the decoder's masks `m_k`. Slots then own pixels in
            place of mixing colors, and masks end where the colors change.
            Defaults to `None`, as in the paper: `masks` are the decoder's.
        slot_charge: Float. The loss gains this times the sum, over the slots
            of objects, of the square root of the share of the image that a
            slot's mask covers. Two slots that halve an object pay 1.4 times
            as much as one slot that has it all, so that spare slots stay
            empty. A `background_slot` pays nothing. Defaults to `0.0`.
        penalty_start: Integer, the training step from which the loss gains
            both. With them from the first step, slots never take objects up.
            Defaults to `0`.
        **kwargs: Arguments of `keras.Model`.

    Call arguments:
        image: Float tensor `(B, H, W, C)` in [-1, 1].
        initial_slots: Float tensor `(B, K, slot_size)` that replaces the
            sampled start and makes the model deterministic.
        num_slots: Integer, more (or fewer) slots than in training.
        num_iterations: Integer, more (or fewer) iterations than in training.
        slot_mask: Boolean tensor `(B, K)`, `True` for slots that take part.
            The masks of the others are zero.
        training: Boolean, passed on to every part.

    Returns:
        A dict: `reconstruction` `(B, H, W, C)`, `slot_reconstructions`
        `(B, K, H, W, C)`, `masks` `(B, K, H, W, 1)` that sum to one over the
        slots, `slots` `(B, K, slot_size)`, of layers that attend `attention`
        `(B, K, N)`, and with `pixel_noise` also the `decoder_masks` that mix
        the reconstruction, `(B, K, H, W, 1)`. With a `target`, the first three
        have the target's size and channels; where that size is not the
        image's, `image_masks` `(B, K, H, W, 1)` are the masks resized to the
        image.

    Raises:
        ValueError: If the image or the target does not fit the decoder, or
            the decoder does not give a triple.

    Example:

    >>> import keras, keras_slots
    >>> model = keras_slots.models.ObjectDiscovery.from_preset(
    ...     "tetrominoes"
    ... )
    >>> images = keras.random.uniform((2, 35, 35, 3), -1.0, 1.0, seed=0)
    >>> outputs = model(images)
    >>> outputs["masks"].shape
    TensorShape([2, 4, 35, 35, 1])

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055)
    """

    PARTS = ("encoder", "slot_attention", "decoder")

    def __init__(
        self,
        encoder: keras.Layer,
        slot_attention: keras.Layer,
        decoder: keras.Layer,
        target: Callable | None = None,
        pixel_noise: float | None = None,
        slot_charge: float = 0.0,
        penalty_start: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.slot_attention = slot_attention
        self.decoder = decoder
        if target is not None and not callable(target):
            raise ValueError(
                "`target` must be a layer, a callable or `None`. Received: "
                f"target={target!r}"
            )
        self.target = target
        self.pixel_noise = as_number_or_none("pixel_noise", pixel_noise)
        if pixel_noise is not None and target is not None:
            raise ValueError(
                "`pixel_noise` is that of an image. Leave it out, or draw the "
                "image, `target=None`. Received: "
                f"pixel_noise={pixel_noise}, target={target!r}"
            )
        self.slot_charge = as_number("slot_charge", slot_charge)
        self.penalty_start = as_integer(
            "penalty_start", penalty_start, minimum=0
        )
        self.check_parts()

    @classmethod
    def from_preset(
        cls, name: str, /, load_weights: bool | None = None, **kwargs
    ) -> "ObjectDiscovery":
        """Makes a model by the name of its configuration, trained if it can be.

        Args:
            name: `"tetrominoes"`, `"multi_dsprites"` or `"clevr_scenes"`,
                small and trained on generated scenes of that name; or
                `"tetrominoes_paper"`, `"multi_dsprites_paper"` or `"clevr6"`,
                the paper's (tables 3 to 6 of the supplement).
            load_weights: Boolean or `None`. Whether to load the weights that
                the package ships; `None` loads them where there are some and
                no part is given. Defaults to `None`.
            **kwargs: Parts to take in place of the preset's, and arguments
                of `keras.Model`. A `dtype` goes to every part that is made.

        Returns:
            An `ObjectDiscovery` model, built for the preset's image size.

        Raises:
            ValueError: If there is no such preset, or it has no weights and
                `load_weights=True`.
        """
        preset = get_preset(name)
        terms = {term: getattr(preset, term) for term in LOSS_TERMS}
        return cls.make_from_preset(name, load_weights, **{**terms, **kwargs})

    def build(self, image_shape):
        check_rank("image", image_shape, "(B, H, W, C)")
        self._built_image_shape = tuple(image_shape[1:])
        self._as_image_shape(image_shape)
        if self.penalty_start:
            self.steps = self.add_weight(
                shape=(),
                dtype="int32",
                initializer="zeros",
                trainable=False,
                aggregation="only_first_replica",
                name="steps",
            )
        drawn = self.build_parts(image_shape)
        shapes = [d for d in drawn if isinstance(d, list | tuple)]
        if len(shapes) != 3:
            raise ValueError(
                "`decoder` must give a triple: reconstruction, what each slot "
                f"draws, and masks. Received: decoder={self.decoder!r}, which "
                f"gives {drawn}"
            )

    def call(
        self,
        image,
        initial_slots=None,
        num_slots=None,
        num_iterations=None,
        slot_mask=None,
        # Keras passes it on to the parts, but only to a call that names it.
        training=None,
    ):
        encoded = self.encode(
            image, initial_slots, num_slots, num_iterations, slot_mask
        )
        attention = encoded.pop("attention", None)
        outputs = self.decode(**encoded, slot_mask=slot_mask)
        if self.pixel_noise is not None:
            outputs["decoder_masks"] = outputs["masks"]
            outputs["masks"] = posterior_masks(
                image,
                outputs["slot_reconstructions"],
                outputs["masks"],
                self.pixel_noise,
            )
        outputs["slots"] = encoded["slots"]
        if attention is not None:
            outputs["attention"] = attention
        size = tuple(outputs["masks"].shape[2:4])
        if not self._draws_images() and size != tuple(image.shape[1:3]):
            outputs["image_masks"] = _resize(outputs["masks"], image)
        return outputs

    def encode(
        self,
        image,
        initial_slots=None,
        num_slots=None,
        num_iterations=None,
        slot_mask=None,
    ) -> dict[str, Tensor]:
        """Turns images into slots, and into what else `decode` needs.

        Args:
            image: Float tensor `(B, H, W, C)` in [-1, 1].
            initial_slots: As in the call.
            num_slots: As in the call.
            num_iterations: As in the call.
            slot_mask: As in the call.

        Returns:
            A dict: `slots` `(B, K, slot_size)`; of layers that attend,
            `attention` `(B, K, N)`; where slots are drawn around centers,
            `centers` `(B, K, 2)`; and where in units of scales, `scales`
            `(B, K, 2)`.
        """
        check_tensor("image", image, "(B, H, W, C)")
        image_shape = self._as_image_shape(image.shape)
        return find_slots(
            self,
            self.decoder,
            image,
            image_shape,
            initial_slots=initial_slots,
            num_slots=num_slots,
            num_iterations=num_iterations,
            slot_mask=slot_mask,
        )

    def decode(
        self, slots, centers=None, scales=None, slot_mask=None
    ) -> dict[str, Tensor]:
        """Turns slots into images: those of `encode`, or changed ones.

        Args:
            slots: Float tensor `(B, K, slot_size)`.
            centers: Float tensor `(B, K, 2)`, for a decoder that draws around
                them.
            scales: Float tensor `(B, K, 2)`, for slots with scales.
            slot_mask: As in the call.

        Returns:
            A dict: `reconstruction`, `slot_reconstructions` and `masks`, as
            in the call.
        """
        options = {
            "centers": centers,
            "scales": scales,
            "slot_mask": slot_mask,
        }
        reconstruction, slot_reconstructions, masks = self.decoder(
            slots,
            **{name: x for name, x in options.items() if x is not None},
        )
        return {
            "reconstruction": reconstruction,  # (B, H, W, C)
            "slot_reconstructions": slot_reconstructions,  # (B, K, H, W, C)
            "masks": masks,  # (B, K, H, W, 1)
        }

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Gives `(H, W, C)` of the images that the model takes."""
        if not self._draws_images():
            return self._built_image_shape
        return tuple(self.decoder.compute_output_shape((None, 1, 1))[0][1:])

    def _draws_images(self):
        """Returns whether an unbuilt decoder knows the size of its drawings."""
        default = keras.Layer.compute_output_shape
        says = type(self.decoder).compute_output_shape is not default
        return says and self.target is None

    def _as_image_shape(self, image_shape):
        """Returns the shape, an unknown size replaced by the decoder's."""
        if not self._draws_images():
            return tuple(image_shape)
        drawn = self.image_shape[:2]
        given = tuple(image_shape[1:3])
        if any(g not in (None, d) for g, d in zip(given, drawn, strict=True)):
            raise ValueError(
                "The image must have the size that the decoder draws, "
                f"{drawn[0]} x {drawn[1]} pixels. Resize the image, or give "
                "the decoder another grid. Received: "
                f"image.shape={tuple(image_shape)}"
            )
        return (image_shape[0], *drawn, image_shape[3])

    def compile(self, optimizer="adam", loss="mse", metrics=None, **kwargs):
        if metrics is None:
            metrics = [AdjustedRandIndex()]
        super().compile(
            optimizer=optimizer, loss=loss, metrics=metrics, **kwargs
        )

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        check_sample_weight(sample_weight)
        if sample_weight is not None:
            # One weight for each image, and a loss for each of its pixels.
            sample_weight = ops.reshape(sample_weight, (-1, 1, 1))
        # y, if given, is the true mask: the target is made of the image.
        drawn = y_pred["reconstruction"]
        loss = super().compute_loss(
            x=x,
            y=self._make_target(x, drawn),
            y_pred=drawn,
            sample_weight=sample_weight,
            training=training,
        )
        return loss + self._penalties_due(training) * self._penalties(
            x, y_pred, 1.0 if sample_weight is None else sample_weight
        )

    def _penalties(self, image, outputs, weights):
        """Adds up the mixture's error and what slots in use pay."""
        total = 0.0
        if self.pixel_noise is not None:
            error = mixture_error(
                image,
                outputs["slot_reconstructions"],
                outputs["decoder_masks"],
                self.pixel_noise,
            )  # (B, H, W)
            total = ops.mean(weights * error)
        if self.slot_charge:
            slots = self.slot_attention
            first = int(attends(slots) and slots.background_slot)
            shares = _root_shares(outputs["masks"][:, first:])
            total = total + self.slot_charge * shares
        return total

    def _penalties_due(self, training):
        """Returns 1 from `penalty_start` on, and counts steps of training."""
        if not self.penalty_start:
            return 1.0
        due = ops.cast(self.steps >= self.penalty_start, "float32")
        if training:
            self.steps.assign_add(1)
        return due

    def _make_target(self, image, drawn):
        """Makes what the decoder has to draw, (B, h, w, F)."""
        if self.target is None:
            return image
        target = ops.stop_gradient(self.target(image))
        if tuple(target.shape[1:]) != tuple(drawn.shape[1:]):
            raise ValueError(
                "`target` must give what the decoder draws, of shape (B, h, "
                f"w, F) = {tuple(drawn.shape)}. Received: a target of shape "
                f"{tuple(target.shape)}"
            )
        return ops.cast(target, "float32")

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if y is None:
            return {
                metric.name: metric.result()
                for metric in self.metrics
                if metric.name == "loss"
            }
        masks = y_pred.get("image_masks", y_pred["masks"])
        return super().compute_metrics(x, y, masks, sample_weight=sample_weight)

    @property
    def metrics(self):
        # Without masks the compiled metrics are never built, and Keras
        # would refuse to report what was not built.
        return [m for m in super().metrics if getattr(m, "built", True)]

    def get_config(self):
        target = keras.saving.serialize_keras_object(self.target)
        return {
            **super().get_config(),
            "target": target,
            **{term: getattr(self, term) for term in LOSS_TERMS},
        }

    @classmethod
    def from_config(cls, config):
        target = keras.saving.deserialize_keras_object(config.get("target"))
        return super().from_config({**config, "target": target})


def _root_shares(masks):
    """Sums the roots of slots' shares of the image, (B, K, H, W, 1)."""
    shares = ops.mean(ops.cast(masks, "float32"), axis=(2, 3, 4))  # (B, K)
    # The root of zero has no gradient, and an empty slot shall pay nothing.
    roots = ops.sqrt(shares + SMALLEST_SHARE) - SMALLEST_SHARE**0.5
    return ops.mean(ops.sum(roots, axis=-1))


def _resize(masks, image):
    """Resizes masks (B, K, h, w, 1) to the image's (B, K, H, W, 1)."""
    _, num_slots, *size, _ = ops.shape(masks)
    height, width = ops.shape(image)[1:3]
    flat = ops.reshape(masks, (-1, *size, 1))
    flat = ops.image.resize(
        flat, (height, width), data_format="channels_last"
    )  # Bilinear, so that masks still sum to one over the slots.
    return ops.reshape(flat, (-1, num_slots, height, width, 1))
