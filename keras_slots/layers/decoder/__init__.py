"""The spatial broadcast decoder: slots to images and masks."""
