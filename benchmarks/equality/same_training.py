"""Do the rewrites train to the same as the literal forms?

Trains `tetrominoes` in float32, from two seeds, in the literal form and with
the rewrites, on the same scenes in the same order. The FG-ARI of 320 validation
scenes on the way is printed, written to `runs/benchmarks/same_training.csv`,
and drawn in `same_training.png` beside it. How far two seeds are apart says
what a difference means.
"""

import contextlib

import keras

from benchmarks import results
from benchmarks.literal_forms import literal_forms
from benchmarks.running import command_line
from keras_slots.datasets import tetrominoes
from keras_slots.files import write_rows
from keras_slots.models import ObjectDiscovery, get_preset

PRESET = get_preset("tetrominoes")
FORMS = {
    "literal": (literal_forms, results.ORANGE),
    "rewritten": (contextlib.nullcontext, results.BLUE),
}
LINES = ("-", "--")  # A seed each.
EVERY = 250  # Steps.
NUM_SCENES = 10_000


def main():
    """Runs four trainings; prints one table, draws one picture."""
    epochs = command_line(__doc__, steps=3_000).parse_args().steps // EVERY
    scenes = tetrominoes("train", PRESET.batch_size, num_scenes=NUM_SCENES)
    validation = tetrominoes("validation", 80, num_scenes=320)
    rows = [{"step": EVERY * (1 + epoch)} for epoch in range(epochs)]
    figure, (axis,) = results.new_figure(6.4, 4.2)
    for seed, line in enumerate(LINES):
        for form, (scope, color) in FORMS.items():
            with scope():
                scores = train(seed, scenes, validation, epochs)
            label = f"{form}, seed {seed}"
            for row, score in zip(rows, scores, strict=True):
                row[label] = score
            steps = [row["step"] for row in rows]
            axis.plot(steps, scores, line, color=color, label=label)
    axis.set(
        xlabel="training step",
        ylabel="FG-ARI, 320 validation scenes",
        title="Literal forms and rewrites, from the same seeds",
        ylim=(0, 1),
    )
    axis.legend(frameon=False, loc="lower right")
    results.save_figure(figure, results.BENCHMARKS / "same_training.png")
    write_rows(results.BENCHMARKS / "same_training.csv", rows)
    print(*rows[0], sep="  ")
    for step, *values in map(dict.values, rows):
        print(f"{step:5}", *(f"{value:8.4f}" for value in values))


def train(seed, scenes, validation, epochs):
    """Trains once; gives the FG-ARI on the validation scenes on the way."""
    keras.utils.set_random_seed(seed)
    model = ObjectDiscovery.from_preset("tetrominoes", load_weights=False)
    model.compile(PRESET.make_optimizer(), jit_compile=False)
    history = model.fit(
        scenes.map(lambda image, mask: image).repeat(),
        steps_per_epoch=EVERY,
        epochs=epochs,
        validation_data=validation,
        shuffle=False,
        verbose=2,
    )
    return history.history["val_fg_ari"]


if __name__ == "__main__":
    main()
