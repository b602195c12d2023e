"""Type aliases for public signatures.

Keras tensors have no common static type across backends, so `Tensor` is a
name for the reader rather than a constraint for the checker.
"""

from typing import Any, TypeAlias

import keras

Tensor: TypeAlias = Any
Shape: TypeAlias = tuple[int | None, ...]
Initializer: TypeAlias = str | keras.initializers.Initializer
