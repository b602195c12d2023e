"""Tensor operations that Keras lacks."""
