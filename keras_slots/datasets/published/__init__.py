"""Scenes that others publish: records, folders and TFDS."""
