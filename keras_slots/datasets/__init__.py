"""`tf.data` datasets of multi-object scenes."""
