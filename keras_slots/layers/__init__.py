"""Layers that any Keras model can use."""
