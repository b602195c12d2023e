"""What goes wrong when Slot Attention is trained badly, and who notices?

Trains the preset `tetrominoes` with one thing spoilt at a time, for a
few hundred steps, watched by `callbacks.SlotDiagnosis`; `healthy` is the preset
as it is. Prints the findings as they come, and at the end the measures and the
FG-ARI on 32 scenes that the model never saw. Writes one picture and one JSON
file for each to `runs/failures`. docs/troubleshooting.md shows what came out.
"""

from dataclasses import replace
from pathlib import Path

import keras

from benchmarks.results import write_measured
from benchmarks.running import command_line
from keras_slots.callbacks import SlotDiagnosis
from keras_slots.checks import check_option
from keras_slots.datasets import tetrominoes
from keras_slots.models import ObjectDiscovery, get_preset
from keras_slots.visualization import plot_slots

OUTPUT = Path("runs/failures")
SEED = 0
BATCH_SIZE = 16
EPOCH_STEPS = 100
SCENES = 32  # To measure and score on.
SHOWN = 3  # Of these, in the picture.
SMALL = get_preset("tetrominoes")
FEW_SLOTS = {**SMALL.slot_attention, "num_slots": 2}
LEARNED_SLOTS = dict(num_slots=4, slot_size=64, slot_initialization="learned")
CENTERS = ("center_frequencies", "mask_falloff")
NO_CENTERS = {k: v for k, v in SMALL.decoder.items() if k not in CENTERS}
PLACES = replace(SMALL, slot_attention=LEARNED_SLOTS)
# By name: for how many epochs to train, and the preset with something spoilt.
FAILURES = {
    # Far too large a learning rate, and at once.
    "one_slot": (1, replace(SMALL, learning_rate=2e-2, warmup_steps=0)),
    # Three pieces and a background, for two slots.
    "few_slots": (2, replace(SMALL, slot_attention=FEW_SLOTS)),
    # Slots with starts of their own, which know neither place nor shape.
    "places": (6, replace(PLACES, decoder=NO_CENTERS)),
    "healthy": (6, SMALL),
}


def main():
    """Trains, scores and draws what the command line names."""
    parser = command_line(__doc__)
    names = ", ".join(FAILURES)
    parser.add_argument("names", nargs="*", metavar="NAME", help=names)
    options = parser.parse_args()
    for name in options.names:
        check_option("name", name, FAILURES)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name in options.names or FAILURES:
        print(f"\n=== {name}")
        results = train(*FAILURES[name], OUTPUT / f"{name}.png")
        write_measured(OUTPUT / f"{name}.json", results)


def train(epochs, preset, picture):
    """Trains one of them; draws it, prints and gives what was measured."""
    keras.utils.set_random_seed(SEED)
    model = ObjectDiscovery(*map(preset.make, ObjectDiscovery.PARTS))
    model.build((None, *preset.image_shape))
    model.compile(preset.make_optimizer())
    images, mask = next(iter(tetrominoes("validation", SCENES)))
    diagnosis = SlotDiagnosis(images)
    scenes = tetrominoes("train", BATCH_SIZE, drop_remainder=True, seed=SEED)
    history = model.fit(
        scenes.map(lambda image, mask: image).repeat(),
        steps_per_epoch=EPOCH_STEPS,
        epochs=epochs,
        callbacks=[diagnosis],
        shuffle=False,
        verbose=2,
    )
    keras.utils.set_random_seed(SEED)  # Of the slots' noise.
    outputs = model.predict_on_batch(images)
    plot_slots(images, outputs, picture, num_scenes=SHOWN, mask=mask)
    scores = model.evaluate(images, mask, verbose=0, return_dict=True)
    results = {
        "steps": epochs * EPOCH_STEPS,
        "loss": history.history["loss"][-1],
        "fg_ari": scores["fg_ari"],
        "measures": diagnosis.measures,
        "findings": list(map(str, diagnosis.findings)),
    }
    print(
        "\n{steps} steps: loss {loss:.3f}, FG-ARI {fg_ari:.2f}".format(
            **results
        )
    )
    for name, value in sorted(diagnosis.measures.items()):
        print(f"  {name:18} {value:6.2f}")
    return results


if __name__ == "__main__":
    main()
