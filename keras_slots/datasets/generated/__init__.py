"""Scenes that are drawn here, without a download."""
