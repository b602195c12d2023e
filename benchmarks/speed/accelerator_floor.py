"""What could a step cost on a GPU at best? Computed, not measured.

Counts the multiplications and additions of the convolutions of a training step
(forward, and twice that backward), and the bytes of their results in bfloat16:
each is written once and read twice forward and backward, its gradient likewise.
Divides both by the rates of a card; the defaults are those that NVIDIA's data
sheet gives for an A100 with 80 GB (bfloat16 without sparsity). The larger of
both times is a floor: nothing reaches a card's full rate.
"""

import math

from benchmarks.running import command_line
from keras_slots.models import get_preset

PRESETS = {"tetrominoes_paper": 64, "multi_dsprites_paper": 64, "clevr6": 64}
BYTES = 2  # of a number in bfloat16
TOUCHES = 6  # A result and its gradient, each written once and read twice.


def main():
    """Prints one line per preset."""
    parser = command_line(__doc__, teraflops=312.0, gigabytes=2039.0)
    options = parser.parse_args()
    print("preset, batch: operations, traffic, floor")
    for name, batch in PRESETS.items():
        preset = get_preset(name)
        layers = [*encoder_layers(preset), *decoder_layers(preset)]
        operations = 3 * batch * sum(operations for operations, _ in layers)
        traffic = batch * TOUCHES * BYTES * sum(size for _, size in layers)
        seconds = max(
            operations / (1e12 * options.teraflops),
            traffic / (1e9 * options.gigabytes),
        )
        print(
            f"{name}, {batch}: {operations / 1e12:.2f} tera-operations, "
            f"{traffic / 1e9:.1f} GB, {1e3 * seconds:.1f} ms"
        )


def encoder_layers(preset):
    """Gives operations and result size of each convolution (tables 3, 4)."""
    height, width, channels = preset.image_shape
    for filters in preset.encoder["filters"]:
        size = height * width * filters
        yield 2 * size * 25 * channels, size
        channels = filters


def decoder_layers(preset):
    """Gives the same of the decoder, for all slots (tables 5, 6)."""
    decoder, slots = preset.decoder, preset.slot_attention["num_slots"]
    depth = len(decoder["filters"])
    strides = decoder.get("strides", (1,) * depth)
    kernels = [5] * depth + [3]
    cells = decoder["grid_size"] ** 2
    channels = preset.slot_attention["slot_size"]
    for index, (filters, stride, kernel) in enumerate(
        zip((*decoder["filters"], 4), (*strides, 1), kernels, strict=True)
    ):
        # The first is fused with the broadcast, and costs next to nothing.
        taps = 0 if index == 0 else kernel**2
        operations = 2 * slots * cells * taps * channels * filters
        cells *= stride**2
        yield operations, slots * cells * filters
        channels = filters
    if cells != math.prod(preset.image_shape[:2]):
        raise AssertionError(f"{cells} pixels are not those of the image.")


if __name__ == "__main__":
    main()
