import keras
import pytest


@pytest.fixture(autouse=True)
def same_random_numbers_in_every_order_of_tests():
    keras.utils.set_random_seed(0)
