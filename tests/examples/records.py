"""Files in the published format, of generated scenes."""

import numpy as np
import tensorflow as tf

from keras_slots.datasets import tetrominoes


def write_records(path, num_scenes):
    """The first generated validation scenes, as a published file."""

    def pixels(values):
        values = np.asarray(values, "uint8").ravel()
        values = tf.train.BytesList(value=[bytes([v]) for v in values])
        return tf.train.Feature(bytes_list=values)

    def floats(values):
        values = tf.train.FloatList(value=np.ravel(values))
        return tf.train.Feature(float_list=values)

    scenes = tetrominoes("validation", num_scenes=num_scenes, as_dict=True)
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for scene in scenes.as_numpy_iterator():
            image = np.round((scene.pop("image") + 1) * 127.5)
            entities = np.arange(4)[:, None, None]
            mask = 255 * (scene.pop("mask") == entities)
            feature = {
                "image": pixels(image),
                "mask": pixels(mask),
                **{name: floats(values) for name, values in scene.items()},
            }
            features = tf.train.Features(feature=feature)
            example = tf.train.Example(features=features)
            writer.write(example.SerializeToString())
    return path


def positions(scenes):
    """Where in a file of `write_records` the scenes of a dataset lie."""
    everything = tetrominoes("validation", 320).as_numpy_iterator()
    images, _ = next(everything)
    batches = [image for image, _ in scenes.as_numpy_iterator()]
    found = (np.concatenate(batches)[:, None] == images).all(axis=(2, 3, 4))
    assert found.any(axis=1).all()
    return sorted(found.argmax(1).tolist())
