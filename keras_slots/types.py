"""Type aliases for public signatures.

Keras tensors have no common static type across backends, so `Tensor` only
helps the reader, not the type checker.
"""

from typing import Any, TypeAlias

import keras

Tensor: TypeAlias = Any
Shape: TypeAlias = tuple[int | None, ...]
Initializer: TypeAlias = str | keras.initializers.Initializer
