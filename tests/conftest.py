import keras
import pytest

import tests.backends  # noqa: F401  Tensors of every backend become arrays.


@pytest.fixture(autouse=True)
def same_random_numbers_in_every_order_of_tests():
    keras.utils.set_random_seed(0)
