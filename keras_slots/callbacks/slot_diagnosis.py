"""SlotDiagnosis: measures of slots after every epoch, in numbers and words."""

import itertools
from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from keras_slots.callbacks.same_noise import same_noise
from keras_slots.callbacks.slot_findings import Finding, diagnose
from keras_slots.callbacks.slot_health import measure_slots
from keras_slots.checks import as_integer, check_tensor
from keras_slots.token_grid import token_grid
from keras_slots.types import Tensor


class SlotDiagnosis(keras.callbacks.Callback):
    """Shows early, without labels, whether the slots separate objects.

    A falling loss does not show whether slots have found objects, or stripes,
    or the same pixels. At the end of each epoch this callback runs the model on
    a few images and adds the measures of `measure_slots` to the epoch's logs:
    to the progress bar, to the `History` that `fit` returns, and to all
    callbacks after it in the list, such as `CSVLogger`, `TensorBoard` or
    `EarlyStopping`. So put it first.

    It also describes problems and remedies in words (`diagnose`): once when a
    problem begins and once when it ends, not at every epoch.

    The model's call must take images and return a dict with `masks`
    `(B, K, H, W, 1)` or with `attention` `(B, K, N)`, or better both, like
    `ObjectDiscovery`. Training is not affected: the seed generators are
    restored afterwards, and every epoch is measured with the same noise.

    Args:
        images: Float tensor `(B, H, W, C)` of two images or more, or an
            iterable of these batches, such as a `tf.data.Dataset`. If batches
            are pairs, the first entry counts. The images are kept in memory.
            Thirty images are enough.
        num_batches: Integer, the number of batches of an iterable to use.
            Defaults to `2`.
        grid_size: Pair of integers, the height and width of the map that the
            tokens come from. Needed if the model returns no masks and the map
            neither has the shape of the images nor is square. Defaults to
            `None`.
        verbose: Whether to print the findings. Defaults to `True`.

    Attributes:
        measures: Dict of the last epoch's measures.
        findings: List of the findings in the last epoch's measures.

    Raises:
        ValueError: If an argument is not as above, or the model returns
            neither masks nor attention.

    Example:

    >>> import keras, keras_slots
    >>> images = keras.random.uniform((4, 35, 35, 3), -1.0, 1.0, seed=0)
    >>> model = keras_slots.models.ObjectDiscovery.from_preset(
    ...     "tetrominoes"
    ... )
    >>> model.compile(run_eagerly=True)  # One step is not worth a graph.
    >>> diagnosis = keras_slots.callbacks.SlotDiagnosis(images, verbose=False)
    >>> history = model.fit(images, callbacks=[diagnosis], verbose=0)
    >>> "slot_usage" in history.history
    True

    References:
        - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055),
          supplement, sections 2 (stripes) and 3.1 (background).
    """

    def __init__(
        self,
        images: Tensor | Iterable,
        num_batches: int = 2,
        grid_size: tuple[int, int] | None = None,
        verbose: bool = True,
    ) -> None:
        super().__init__()
        self.num_batches = as_integer("num_batches", num_batches)
        self.batches = _batches(images, self.num_batches)
        self.grid_size = grid_size
        self.verbose = verbose
        self.measures: dict[str, float] = {}
        self.findings: list[Finding] = []

    def on_train_begin(self, logs=None):
        self._measure()  # Errors should appear now, not after an epoch.

    def on_epoch_end(self, epoch, logs=None):
        before = {finding.name for finding in self.findings}
        self.measures = self._measure()
        self.findings = diagnose(self.measures)
        if logs is not None:
            logs.update(self.measures)
        if self.verbose:
            self._report(epoch, before)

    def _measure(self):
        with same_noise(self.model):
            outputs = [self.model.predict_on_batch(b) for b in self.batches]
        attention = self._joined(outputs, "attention")
        masks = self._joined(outputs, "masks")
        if masks is None:
            masks = self._as_masks(attention)
        return measure_slots(masks, attention)

    def _joined(self, outputs, name):
        """Joins one entry of all batches; `None` if the model lacks it."""
        if not isinstance(outputs[0], dict) or name not in outputs[0]:
            return None
        return np.concatenate([o[name] for o in outputs])

    def _as_masks(self, attention):
        """Reshapes attention (B, K, N) to masks (B, K, H, W)."""
        if attention is None:
            raise ValueError(
                "The model must return a dict with 'masks' or 'attention'. "
                f"Received: model={self.model!r}"
            )
        batch, num_slots, num_tokens = attention.shape
        image_size = self.batches[0].shape[1:3]
        height, width = token_grid(num_tokens, image_size, self.grid_size)
        return attention.reshape(batch, num_slots, height, width)

    def _report(self, epoch, before):
        new = [f for f in self.findings if f.name not in before]
        over = before - {finding.name for finding in self.findings}
        lines = [str(finding) for finding in new]
        lines += [f"{name}: no longer." for name in sorted(over)]
        if lines:
            title = f"\nSlots after epoch {epoch + 1}:"
            print("\n- ".join([title, *lines]))


def _batches(images, num_batches):
    """Returns arrays (B, H, W, C): one of a tensor, several of an iterable."""
    if hasattr(images, "shape"):
        images = [images]
    batches = []
    for batch in itertools.islice(images, num_batches):
        batch = batch[0] if isinstance(batch, (tuple, list)) else batch
        check_tensor("images", batch, "(B, H, W, C)")
        batches.append(ops.convert_to_numpy(batch))
    return batches
