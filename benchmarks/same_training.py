"""Do the rewrites train to the same as the literal forms?

```shell
python benchmarks/same_training.py  # half an hour
```

Trains `tetrominoes` in float32, from two seeds, in the literal form and
with the rewrites, on the same scenes in the same order. The FG-ARI of 320
validation scenes on the way is printed, written to
`runs/benchmarks/same_training.csv`, and drawn in `same_training.png` beside it.
How far two seeds are apart says what a difference means.
"""

import argparse
import contextlib
import csv
from pathlib import Path

import keras
import numpy as np
from literal_forms import literal_forms
from matplotlib.figure import Figure
from palette import BLUE, ORANGE

from keras_slots.datasets import tetrominoes
from keras_slots.models import ObjectDiscovery, get_preset

PRESET = "tetrominoes"
FORMS = {"literal": literal_forms, "rewritten": contextlib.nullcontext}
EVERY = 250  # steps
COLORS = {"literal": ORANGE, "rewritten": BLUE}


def main():
    """Four trainings, one table, one picture."""
    options = parse_options()
    batch_size = get_preset(PRESET).batch_size
    scenes = tetrominoes("train", batch_size, num_scenes=options.scenes)
    validation = tetrominoes("validation", 80, num_scenes=320)
    curves = {}
    for seed in range(options.seeds):
        for form, scope in FORMS.items():
            with scope():
                curves[form, seed] = train(
                    seed, scenes, validation, options.steps
                )
    folder = Path("runs/benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    steps = EVERY * (1 + np.arange(options.steps // EVERY))
    write_table(folder / "same_training.csv", steps, curves)
    draw(folder / "same_training.png", steps, curves)


def parse_options():
    """What the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--scenes", type=int, default=10_000)
    return parser.parse_args()


def train(seed, scenes, validation, steps):
    """FG-ARI on the validation scenes, every so many steps."""
    keras.utils.set_random_seed(seed)
    model = ObjectDiscovery.from_preset(PRESET, load_weights=False)
    optimizer = get_preset(PRESET).make_optimizer()
    model.compile(optimizer, jit_compile=False)
    history = model.fit(
        scenes.map(lambda image, mask: image).repeat(),
        steps_per_epoch=EVERY,
        epochs=steps // EVERY,
        validation_data=validation,
        shuffle=False,
        verbose=2,
    )
    return history.history["val_fg_ari"]


def write_table(path, steps, curves):
    """One row per step, one column per training; printed, too."""
    header = ["step", *(f"{form}, seed {seed}" for form, seed in curves)]
    rows = np.column_stack([steps, *curves.values()]).tolist()
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    print(*header, sep="  ")
    for step, *values in rows:
        print(f"{step:5.0f}", *(f"{value:8.4f}" for value in values))


def draw(path, steps, curves):
    """All curves; a seed is told by its line, a form by its color."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for (form, seed), values in curves.items():
        axes.plot(
            steps,
            values,
            ("-", "--", ":", "-.")[seed % 4],
            color=COLORS[form],
            label=f"{form}, seed {seed}",
        )
    axes.set_xlabel("training step")
    axes.set_ylabel("FG-ARI, 320 validation scenes")
    axes.set_title("Literal forms and rewrites, from the same seeds")
    axes.set_ylim(0, 1)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
