"""Draws the two figures of docs/guides/concepts.md, as SVG.

```shell
python docs/drawings.py
```

writes them to docs/images/. Each lies on a light card of its own, so that it
can be read on a dark page, too.
"""

from pathlib import Path

IMAGES = Path(__file__).parent / "images"
INK, MUTED, LINE = "#1b2a41", "#4a5568", "#3d5a80"
PART, LOSS = ("#e6eef8", "#3d5a80"), ("#fdf0df", "#9a6a1f")
# Okabe and Ito's: told apart with any sight. One for each slot.
SLOTS = ("#0072b2", "#e69f00", "#009e73", "#8a8f99")
# A made-up softmax over four slots for each of eight tokens, in percent.
ATTENTION = (
    (82, 70, 9, 5, 4, 6, 10, 12),
    (6, 12, 78, 84, 10, 6, 8, 10),
    (5, 8, 6, 5, 80, 82, 12, 8),
    (7, 10, 7, 6, 6, 6, 70, 70),
)


class Drawing:
    """A picture to which shapes are added one by one."""

    def __init__(self, width, height, title):
        self.size, self.title, self.shapes = (width, height), title, []
        self.rect(1, 1, width - 2, height - 2, "#fcfcfd", "#cfd6e0", radius=10)

    def rect(self, x, y, width, height, fill, stroke="none", radius=0, **more):
        """A rectangle; further attributes as keywords."""
        extra = "".join(f' {name}="{value}"' for name, value in more.items())
        self.shapes.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" '
            f'rx="{radius}" fill="{fill}" stroke="{stroke}"{extra}/>'
        )

    def text(self, x, y, text, size=13, fill=INK, anchor="middle", weight=400):
        """One line of text."""
        self.shapes.append(
            f'<text x="{x}" y="{y}" font-size="{size}" fill="{fill}" '
            f'text-anchor="{anchor}" font-weight="{weight}">{text}</text>'
        )

    def box(self, left, right, middle, text, colors=PART):
        """A part by its name, as high as a line of text needs."""
        self.rect(left, middle - 19, right - left, 38, *colors, radius=7)
        self.text((left + right) / 2, middle + 5, text, weight=600)

    def arrow(self, *points, dashed=False):
        """A line through the points, with its head at the last."""
        path = " ".join(f"{x},{y}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{LINE}" '
            f'stroke-width="1.6"{dash} marker-end="url(#head)"/>'
        )

    def label(self, x, y, name, shape=""):
        """What a picture shows, and its shape below."""
        self.text(x, y, name, weight=600)
        self.text(x, y + 16, shape, size=12, fill=MUTED)

    def scene(self, x, y, ground="#22262e", opacity=1):
        """Three objects on a ground, 64 x 64."""
        self.rect(x, y, 64, 64, ground, radius=3)
        self.rect(x + 8, y + 10, 20, 20, SLOTS[0], opacity=opacity)
        self.shapes.append(
            f'<circle cx="{x + 44}" cy="{y + 24}" r="11" fill="{SLOTS[1]}" '
            f'opacity="{opacity}"/><polygon fill="{SLOTS[2]}" '
            f'opacity="{opacity}" points="{x + 30},{y + 38} {x + 16},{y + 57} '
            f'{x + 44},{y + 57}"/>'
        )

    def tokens(self, x, y):
        """A set of sixteen, 64 x 64."""
        for row in range(4):
            for column in range(4):
                left, top = x + 16 * column + 1, y + 16 * row + 1
                self.rect(left, top, 14, 14, "#aab8cc", radius=3)

    def slots(self, x, y):
        """Four vectors of five features, 64 x 64."""
        for row, color in enumerate(SLOTS):
            for column in range(5):
                strength = 0.45 + 0.11 * ((3 * row + 2 * column) % 6)
                left, top = x + 13 * column, y + 17 * row
                self.rect(left, top, 12, 13, color, opacity=f"{strength:.2f}")

    def matrix(self, x, y, shares):
        """A row for each slot, a column for each token, 128 x 64."""
        for row, (color, line) in enumerate(zip(SLOTS, shares, strict=True)):
            for column, share in enumerate(line):
                left, top = x + 16 * column, y + 16 * row
                self.rect(left, top, 15, 15, "#eef1f5")
                self.rect(left, top, 15, 15, color, opacity=f"{share:.2f}")

    def svg(self):
        """The whole file."""
        width, height = self.size
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
                f'viewBox="0 0 {width} {height}" width="{width}" '
                f'height="{height}" font-family="system-ui, -apple-system, '
                "'Segoe UI', 'DejaVu Sans', sans-serif\">",
                f"<title>{self.title}</title>",
                '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" '
                'markerWidth="7" markerHeight="7" orient="auto">'
                f'<path d="M0 0L8 4L0 8z" fill="{LINE}"/></marker></defs>',
                *self.shapes,
                "</svg>\n",
            ]
        )


def draw_way_of_the_data():
    """From data sets to losses, for object discovery and set prediction."""
    drawing = Drawing(760, 440, "The way of the data")
    drawing.box(16, 106, 72, "datasets")
    drawing.arrow((106, 72), (144, 72))
    drawing.scene(150, 40)
    drawing.label(182, 124, "image", "(B, H, W, C)")
    drawing.arrow((218, 72), (250, 72))
    drawing.box(252, 366, 72, "ConvEncoder")
    drawing.arrow((366, 72), (402, 72))
    drawing.tokens(408, 40)
    drawing.label(440, 124, "tokens", "(B, N, D)")
    drawing.arrow((476, 72), (508, 72))
    drawing.box(510, 634, 72, "SlotAttention")
    drawing.arrow((634, 72), (666, 72))
    drawing.slots(672, 40)
    drawing.label(700, 124, "slots", "(B, K, D)")

    drawing.arrow((700, 148), (700, 201))
    drawing.box(524, 730, 222, "SpatialBroadcastDecoder")
    drawing.arrow((524, 222), (500, 222))
    drawing.scene(430, 190, ground=SLOTS[3])
    drawing.label(462, 274, "masks", "(B, K, H, W, 1)")
    drawing.scene(334, 190, opacity=0.85)
    drawing.label(366, 274, "image", "(B, H, W, C)")
    drawing.arrow((328, 222), (262, 222))
    drawing.box(104, 260, 222, "mean squared error", LOSS)
    drawing.arrow((182, 148), (182, 201), dashed=True)

    drawing.arrow((738, 72), (748, 72), (748, 364), (728, 364))
    drawing.box(600, 726, 364, "PropertyHead")
    drawing.arrow((600, 364), (508, 364))
    for row, color in enumerate(SLOTS[:3]):
        top = 336 + 20 * row
        drawing.rect(408, top, 16, 16, color, radius=3)
        for column, width in enumerate((30, 18, 22)):
            left = 428 + (0, 33, 54)[column]
            drawing.rect(left, top, width, 16, "#dbe2ec", radius=3)
    drawing.label(456, 412, "set of objects", "(B, K, d)")
    drawing.arrow((400, 364), (282, 364))
    drawing.box(104, 280, 364, "HungarianHuberLoss", LOSS)
    drawing.arrow((61, 91), (61, 364), (102, 364), dashed=True)
    drawing.label(61, 396, "targets", "(B, n, d)")
    return drawing.svg()


def draw_iteration():
    """One round of attention: lines 5 to 10 of Algorithm 1."""
    drawing = Drawing(760, 404, "One iteration of Slot Attention")
    drawing.tokens(40, 26)
    drawing.label(72, 106, "tokens", "(B, N, D)")
    drawing.arrow((108, 58), (136, 58))
    drawing.box(138, 232, 58, "LayerNorm")
    drawing.arrow((232, 58), (250, 58), (250, 38), (266, 38))
    drawing.arrow((232, 58), (250, 58), (250, 84), (266, 84))
    drawing.box(268, 348, 38, "values")
    drawing.box(268, 348, 84, "keys")
    drawing.slots(40, 152)
    drawing.label(72, 236, "slots", "(B, K, D)")
    drawing.arrow((108, 184), (136, 184))
    drawing.box(138, 232, 184, "LayerNorm")
    drawing.arrow((232, 184), (266, 184))
    drawing.box(268, 348, 184, "queries")
    drawing.arrow((348, 184), (392, 184))
    drawing.arrow((348, 84), (374, 84), (374, 168), (392, 168))

    drawing.label(462, 124, "attention", "softmax over the slots")
    columns = list(zip(*ATTENTION, strict=True))
    totals = [sum(column) for column in columns]
    attention = [
        [share / total for share, total in zip(row, totals, strict=True)]
        for row in ATTENTION
    ]
    drawing.matrix(398, 152, attention)
    drawing.text(462, 234, "each column sums to 1:", 12, MUTED)
    drawing.text(462, 249, "slots compete for tokens", 12, MUTED)
    drawing.arrow((530, 184), (592, 184))
    drawing.label(664, 124, "weights", "+ epsilon, over the sum")
    weights = [[share / sum(row) for share in row] for row in attention]
    drawing.matrix(600, 152, [[2 * w for w in row] for row in weights])
    drawing.text(664, 234, "each row sums to 1:", 12, MUTED)
    drawing.text(664, 249, "a weighted mean", 12, MUTED)

    drawing.arrow((664, 258), (664, 303))
    drawing.arrow((348, 38), (748, 38), (748, 324), (730, 324))
    drawing.box(600, 728, 324, "updates")
    drawing.text(664, 362, "weights times values", 12, MUTED)
    drawing.arrow((600, 324), (522, 324))
    drawing.box(440, 520, 324, "GRU")
    drawing.arrow((72, 258), (72, 276), (480, 276), (480, 303))
    drawing.text(276, 270, "state: the slots before, not normalized", 12, MUTED)
    drawing.arrow((440, 324), (392, 324))
    drawing.box(262, 390, 324, "residual MLP")
    drawing.text(326, 362, "of the LayerNorm", 12, MUTED)
    drawing.arrow((262, 324), (212, 324))
    drawing.slots(140, 294)
    drawing.label(172, 378, "slots", "of the next iteration")
    drawing.arrow((134, 324), (20, 324), (20, 184), (34, 184))
    drawing.text(76, 318, "T times", 12, MUTED)
    return drawing.svg()


DRAWINGS = {
    "way_of_the_data.svg": draw_way_of_the_data,
    "iteration.svg": draw_iteration,
}

if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        (IMAGES / name).write_text(draw())
