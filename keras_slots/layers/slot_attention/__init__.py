"""Slot Attention: Algorithm 1, its parts, and its fast forms."""
