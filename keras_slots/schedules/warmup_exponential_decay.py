"""The learning-rate schedule of the paper."""

from typing import Any

import keras
from keras import ops

from keras_slots.checks import as_number
from keras_slots.types import Tensor


@keras.saving.register_keras_serializable(package="keras_slots")
class WarmupExponentialDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from zero, with exponential decay from the first step.

    At step `s`, counted from 0, the learning rate is

    ```
    learning_rate * min(s / warmup_steps, 1) * decay_rate ** (s / decay_steps)
    ```

    The decay also acts during the warm-up, as in the training code of the
    paper, so the peak lies slightly below `learning_rate`. As the warm-up
    starts from zero, the first step of training (`s = 0`) does not change the
    weights.

    Args:
        learning_rate: Float. The rate before warm-up and decay.
        warmup_steps: Number of steps over which the rate rises from zero. `0`
            means no warm-up.
        decay_steps: Number of steps over which the rate falls by the factor
            `decay_rate`.
        decay_rate: Float. Positive; the factor of the decay.

    Raises:
        ValueError: If an argument is out of range.

    Example:
    The settings of the paper for object discovery (table 10):

    >>> schedule = keras_slots.schedules.WarmupExponentialDecay(
    ...     4e-4, warmup_steps=10_000, decay_steps=100_000, decay_rate=0.5
    ... )
    >>> [round(float(schedule(s)), 6) for s in (0, 5_000, 10_000, 100_000)]
    [0.0, 0.000193, 0.000373, 0.0002]
    >>> optimizer = keras.optimizers.Adam(schedule, epsilon=1e-8)

    References:
    - [Locatello et al., 2020](https://arxiv.org/abs/2006.15055), supplement,
      section 5.6 and table 10.
    """

    def __init__(
        self,
        learning_rate: float,
        warmup_steps: float,
        decay_steps: float,
        decay_rate: float,
    ) -> None:
        super().__init__()
        self.learning_rate = as_number(
            "learning_rate", learning_rate, above=True
        )
        self.warmup_steps = as_number("warmup_steps", warmup_steps)
        self.decay_steps = as_number("decay_steps", decay_steps, above=True)
        self.decay_rate = as_number("decay_rate", decay_rate, above=True)

    def __call__(self, step: Tensor) -> Tensor:
        step = ops.cast(step, "float32")
        decay = ops.power(self.decay_rate, step / self.decay_steps)
        rate = self.learning_rate * decay  # supplement, section 5.6
        if self.warmup_steps:
            rate = rate * ops.minimum(step / self.warmup_steps, 1.0)
        return rate

    def get_config(self) -> dict[str, Any]:
        return {
            "learning_rate": self.learning_rate,
            "warmup_steps": self.warmup_steps,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
        }
