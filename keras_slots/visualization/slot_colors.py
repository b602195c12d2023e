"""One color per slot, the same in every picture."""

import numpy as np

# Okabe and Ito's colors, distinguishable with any common color vision. Gray
# replaces their black, which many scenes have as background.
SLOT_COLORS = np.array(
    [
        (0.902, 0.624, 0.000),  # orange
        (0.337, 0.706, 0.914),  # sky blue
        (0.000, 0.620, 0.451),  # bluish green
        (0.941, 0.894, 0.259),  # yellow
        (0.000, 0.447, 0.698),  # blue
        (0.835, 0.369, 0.000),  # vermilion
        (0.800, 0.475, 0.655),  # reddish purple
        (0.600, 0.600, 0.600),  # gray
    ]
)


def slot_colors(num_slots):
    """Returns a color per slot (K, 3); after eight, paler, then darker."""
    index = np.arange(num_slots)
    colors = SLOT_COLORS[index % len(SLOT_COLORS)]
    shade = (index // len(SLOT_COLORS) % 3)[:, None]
    colors = np.where(shade == 1, 0.5 * colors + 0.5, colors)
    return np.where(shade == 2, 0.5 * colors, colors)
