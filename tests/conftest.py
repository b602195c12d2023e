import pytest


@pytest.fixture(autouse=True)
def same_random_numbers_in_every_order_of_tests():
    # Here and not above: the process that hands tests to workers runs none, and
    # Keras with TensorFlow takes seconds to import.
    import keras

    import tests.backends  # noqa: F401  Tensors of every backend become arrays.

    keras.utils.set_random_seed(0)
