"""PropertyLayout: the meaning of the columns in set prediction."""

from dataclasses import dataclass, field

import numpy as np

from keras_slots.checks import as_number, as_tuple, check_option

# The properties of a CLEVR object and their classes, in the order of the
# authors' targets and of the labels of TensorFlow Datasets.
PROPERTIES = {
    "size": ("small", "large"),
    "material": ("rubber", "metal"),
    "shape": ("cube", "sphere", "cylinder"),
    "color": (
        "gray",
        "blue",
        "brown",
        "yellow",
        "red",
        "green",
        "purple",
        "cyan",
    ),
}
# Objects stand within [-3, 3] along each axis (section 5.8).
COORDINATE_LIMIT = 3.0
NUM_COORDINATES = 3


@dataclass(frozen=True)
class PropertyLayout:
    """The meaning of the columns of a set of objects.

    An object is a row: its coordinates, mapped from [-3, 3] to
    [0, `coordinate_scale`]; the one-hot code of each property, in order; and a
    last column that is 1 for an object and 0 for padding. The defaults give
    the 19 features of the paper's experiments on CLEVR (section 5.8):

    ```
    x y z | small large | rubber metal | cube sphere cylinder | 8 colors | real
    ```

    Attributes:
        properties: Strings, the names of the objects' properties, without
            repetition. Defaults to `("size", "material", "shape", "color")`.
        coordinate_scale: Float. The range of the coordinates, and so their
            weight in the loss (Figure 17). Defaults to `1.0`.

    Raises:
        ValueError: If a property is unknown or repeated, or the scale is not
            positive.

    Example:

    >>> from keras_slots.property_layout import PropertyLayout
    >>> layout = PropertyLayout()
    >>> layout.num_features, layout.category_sizes, layout.distance_scale
    (19, (2, 2, 3, 8), 6.0)
    >>> PropertyLayout(properties=("shape", "color")).columns("color")
    slice(6, 14, None)
    """

    properties: tuple[str, ...] = field(default=tuple(PROPERTIES))
    coordinate_scale: float = 1.0

    def __post_init__(self):
        properties = as_tuple("properties", self.properties, "names")
        object.__setattr__(self, "properties", properties)
        for name in self.properties:
            check_option("properties", name, PROPERTIES)
        if len(set(self.properties)) < len(self.properties):
            raise ValueError(
                "`properties` must not repeat a name. "
                f"Received: properties={self.properties}"
            )
        as_number("coordinate_scale", self.coordinate_scale, above=True)

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """Returns the number of classes of each property."""
        return tuple(len(PROPERTIES[name]) for name in self.properties)

    @property
    def num_features(self) -> int:
        """Returns the number of columns."""
        return NUM_COORDINATES + sum(self.category_sizes) + 1

    @property
    def distance_scale(self) -> float:
        """Returns the factor from differences of coordinates to scene units."""
        return 2.0 * COORDINATE_LIMIT / self.coordinate_scale

    def columns(self, name: str) -> slice:
        """Returns the columns of a property, `"coordinates"` or `"real"`."""
        check_option("name", name, ("coordinates", *self.properties, "real"))
        start, sizes = 0, (NUM_COORDINATES, *self.category_sizes, 1)
        names = ("coordinates", *self.properties, "real")
        for size, candidate in zip(sizes, names, strict=True):
            if candidate == name:
                break
            start += size
        return slice(start, start + size)

    def decode(self, rows) -> dict[str, np.ndarray]:
        """Decodes rows of targets or predictions.

        Args:
            rows: Array of shape `(..., num_features)`.

        Returns:
            A dict of arrays: `"coordinates"` of shape `(..., 3)` in the units
            of the scene, the most likely class of each property as an integer
            of shape `(...)`, and `"real"` of shape `(...)`.
        """
        rows = np.asarray(rows, "float32")
        if rows.ndim < 1 or rows.shape[-1] != self.num_features:
            raise ValueError(
                f"`rows` must have {self.num_features} features to fit "
                f"{self!r}. Received: rows.shape={rows.shape}"
            )
        coordinates = rows[..., self.columns("coordinates")]
        return {
            "coordinates": coordinates * self.distance_scale - COORDINATE_LIMIT,
            **{
                name: np.argmax(rows[..., self.columns(name)], axis=-1)
                for name in self.properties
            },
            "real": rows[..., -1],
        }
