"""The size of the map that tokens come from, by their number."""

import math


def token_grid(
    num_tokens: int,
    image_size: tuple[int, int],
    grid_size: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """Finds height and width of the map that tokens come from, row by row.

    Raises a `ValueError` unless `grid_size`, if known, multiplies to
    `num_tokens`, or the map has the shape of the images, or is square.
    """
    if grid_size is None:
        grid = _shaped_like(num_tokens, *image_size) or _square(num_tokens)
    else:
        grid = _given(num_tokens, grid_size)
    if grid is None:
        raise ValueError(
            f"`grid_size` must be height and width of the map that {num_tokens}"
            " tokens come from. Without it, that map must be shaped like the "
            f"images, {image_size[0]} x {image_size[1]} pixels, or be square. "
            f"Received: grid_size={grid_size!r}"
        )
    return grid


def _shaped_like(num_tokens, height, width):
    rows = max(1, round((num_tokens * height / width) ** 0.5))
    columns = round(rows * width / height)
    return (rows, columns) if rows * columns == num_tokens else None


def _square(num_tokens):
    side = math.isqrt(num_tokens)
    return (side, side) if side**2 == num_tokens else None


def _given(num_tokens, grid_size):
    try:
        rows, columns = grid_size
        whole = rows == int(rows) and columns == int(columns)
    except (TypeError, ValueError):
        return None
    fits = whole and min(rows, columns) > 0 and rows * columns == num_tokens
    return (int(rows), int(columns)) if fits else None
