"""SlotPictures: pictures of the slots, epoch by epoch, in TensorBoard."""

import os
import struct
from typing import Any

import keras
from keras import ops

from keras_slots.callbacks.same_noise import same_noise
from keras_slots.checks import as_integer, check_shapes, check_tensor
from keras_slots.types import Tensor

# TensorBoard shows pictures at their own size.
PIXELS_PER_INCH = 100


class SlotPictures(keras.callbacks.Callback):
    """Draws a few scenes by slots for TensorBoard while a model trains.

    After every epoch, or every few epochs, the model runs on the same images.
    The picture of `visualization.plot_slots` goes to TensorBoard's images under
    the name "slots", at the step of the epoch, counted from 0 like Keras's own
    `TensorBoard` callback. Both can write to one folder.

    The model's call must take images and return a dict with `reconstruction`,
    `slot_reconstructions` and `masks`, like `ObjectDiscovery`. Training is not
    affected: the seed generators are restored afterwards, and every epoch is
    drawn with the same noise.

    Drawing needs Matplotlib, and writing needs TensorFlow on every backend.
    TensorBoard itself is only needed for viewing: `tensorboard --logdir logs`.

    Args:
        images: Float tensor `(B, H, W, 3)` in [-1, 1]. All images are drawn,
            so a few are enough.
        log_dir: String or path of the folder that TensorBoard reads. It is
            made when training begins.
        every: Integer, the number of epochs before the first picture and
            between pictures. Defaults to `1`.
        mask: Integer tensor `(B, H, W)` or `None`. True labels, 0 the
            background, drawn as another column. Defaults to `None`.

    Raises:
        ValueError: If an argument or the model's output is not as above.
        ImportError: When training begins, if Matplotlib or TensorFlow is not
            installed.

    Example:

    ```python
    images, masks = next(iter(keras_slots.datasets.tetrominoes("test", 6)))
    pictures = keras_slots.callbacks.SlotPictures(images, "logs", mask=masks)
    model.fit(
        train,
        epochs=20,
        callbacks=[pictures, keras.callbacks.TensorBoard("logs")],
    )
    ```
    """

    def __init__(
        self,
        images: Tensor,
        log_dir: str | os.PathLike,
        every: int = 1,
        mask: Tensor | None = None,
    ) -> None:
        super().__init__()
        check_tensor("images", images, "(B, H, W, 3)")
        check_shapes(
            {"images": (images, "(B, H, W, 3)"), "mask": (mask, "(B, H, W)")}
        )
        self.images = ops.convert_to_numpy(images)
        self.log_dir = os.fspath(log_dir)
        self.every = as_integer("every", every)
        self.mask = None
        if mask is not None:
            self.mask = ops.convert_to_numpy(mask)
        self._writer: Any = None

    def on_train_begin(self, logs=None):
        tf = _tensorflow()
        self._draw()  # Errors should appear now, not after an epoch.
        self._writer = tf.summary.create_file_writer(self.log_dir)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self._write(self._draw(), epoch)

    def on_train_end(self, logs=None):
        self._writer.close()

    def _draw(self):
        # Imported when first used, as it needs Matplotlib.
        from keras_slots.visualization import plot_slots

        with same_noise(self.model):
            outputs = self.model.predict_on_batch(self.images)
        return plot_slots(
            self.images, outputs, num_scenes=len(self.images), mask=self.mask
        )

    def _write(self, figure, step):
        from keras_slots.visualization.figures import to_png

        tf = _tensorflow()
        png = to_png(figure, dpi=PIXELS_PER_INCH)
        width, height = struct.unpack(">II", png[16:24])
        # `tf.summary.image` writes the same, but needs TensorBoard.
        metadata = tf.compat.v1.SummaryMetadata(
            plugin_data={"plugin_name": "images"},
            data_class="DATA_CLASS_BLOB_SEQUENCE",
        )
        with self._writer.as_default():
            picture = [str(width), str(height), png]
            tf.summary.write("slots", picture, step, metadata)
        self._writer.flush()


def _tensorflow():
    try:
        import tensorflow
    except ImportError as error:
        raise ImportError(
            "`SlotPictures` needs TensorFlow to write for TensorBoard, on "
            "every backend: `pip install tensorflow`."
        ) from error
    return tensorflow
