"""Losses over sets."""
