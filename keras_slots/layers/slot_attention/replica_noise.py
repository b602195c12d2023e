"""ReplicaNoise: a seed generator that gives every replica noise of its own."""

import keras
from keras import ops

# Far apart, so that no replica draws what another layer of a seed nearby does.
_STRIDE = 1_000_003


class ReplicaNoise(keras.random.SeedGenerator):
    """Seeds that differ between the replicas of `tf.distribute`.

    A strategy keeps one state for all replicas, so that Keras's own generator
    lets all of them draw the same noise: of a batch, each part would start
    from the same slots. Here the first replica draws what a single process
    does, and every other its own. The state is that of Keras's generator, and
    so are the draws of all that is not a replica; JAX draws the noise of a
    whole batch at once, wherever its parts lie.
    """

    def next(self, ordered=True):
        seed = super().next(ordered)
        replica = _replica()
        if replica is None:
            return seed
        offset = ops.stack([ops.cast(replica, seed.dtype) * _STRIDE, 0])
        return seed + ops.cast(offset, seed.dtype)


def _replica():
    """Returns the number of this replica, or `None` if there is only one."""
    if keras.config.backend() != "tensorflow":
        return None
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return None
    return context.replica_id_in_sync_group
