"""Models built from the layers, and their presets."""
