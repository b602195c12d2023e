"""Segmentation and set metrics."""
