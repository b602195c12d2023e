"""Pictures of CLEVR-like scenes, cast ray by ray with NumPy.

The lamps, colours and shapes are those of CLEVR; how surfaces answer to light
is this module's own, made to please and to be quick. Every pixel takes four
samples. The ground's light is worked out once per pixel, as it changes little
within one, and its shadows by sample.
"""

import numpy as np

from keras_slots.datasets.clevr_geometry import (
    CUBE,
    CYLINDER,
    Objects,
    Scenes,
    dot,
    fill_boxes,
    first_hits,
    grid_rays,
    nearest,
    normalize,
    project,
    screen_boxes,
    view_axes,
)

# Linear colours of the shaders, in the order of `PROPERTIES`.
COLORS = (
    np.array(
        [
            (87, 87, 87),
            (42, 75, 215),
            (129, 74, 25),
            (255, 238, 51),
            (173, 35, 35),
            (29, 105, 20),
            (129, 38, 192),
            (41, 208, 208),
        ],
        "float32",
    ).T
    / 255.0
)  # (3, 8)
METAL = 1

# Samples per pixel along each axis.
SAMPLES = 2

# Key, fill and back lamp, and the sun: strengths, colours, and half the edge
# of the lamps' squares.
_STRENGTHS = np.array([100.0, 30.0, 50.0], "float32") / np.float32(np.pi)
_SUN_STRENGTH = 0.45
_LAMP_COLORS = np.array(
    [(1, 0.932, 0.817), (0.762, 0.818, 1), (1, 1, 1), (1, 1, 1)], "float32"
)
_LAMP_HALF_EDGES = np.array([0.25, 0.25, 0.5], "float32")
_SUN = np.array([0.4145, -0.1946, 0.889], "float32")
_SUN /= np.sqrt((_SUN * _SUN).sum())
_NUM_LIGHTS = 4

_GROUND = 0.36
_AMBIENT = 0.16
_EXPOSURE = 1.0
# Rounded edges: the share of the half edge over which normals turn.
_ROUNDING = {CUBE: 0.16, CYLINDER: 0.08}


def render(scenes: Scenes, size: int) -> np.ndarray:
    """Pictures (B, size, size, 3), uint8, of scenes."""
    # Few enough samples at a time to stay in the processor's cache.
    chunk = max(1, 2**17 // (size * SAMPLES) ** 2)
    return np.concatenate(
        [
            _Picture(scenes.take(slice(i, i + chunk)), size).pixels()
            for i in range(0, len(scenes), chunk)
        ]
    )


class _Picture:
    """The pictures of a few scenes, in the making.

    S is `size`, M = B * (S * SAMPLES) ** 2 the number of samples.
    """

    def __init__(self, scenes: Scenes, size: int):
        self.scenes = scenes
        self.size = size
        self.grid = size * SAMPLES
        self.objects = Objects(scenes)
        self.axes = view_axes(scenes.camera)
        self.lamps = _lamp_points(scenes.lights)  # (3, 3, B, SAMPLES ** 2)
        self.seen, self.depth = first_hits(scenes, self.objects, self.grid)

    def pixels(self) -> np.ndarray:
        ground = self._ground()
        color = self._objects_light()
        total = ground + color
        value = _EXPOSURE * np.maximum(total, 0.0)
        return _encode(value).transpose(1, 2, 3, 0)

    # Samples and their rays.

    def _split(self, sample):
        """Scene, row and column of samples, and their place in the pixel."""
        scene_row, column = np.divmod(sample, self.grid)
        scene, row = np.divmod(scene_row, self.grid)
        place = (row % SAMPLES) * SAMPLES + column % SAMPLES
        return scene, row, column, place

    def _ray(self, scene, row, column, grid):
        x, y = grid_rays(column, row, grid)
        forward, right, up = (axis[:, scene] for axis in self.axes)
        return forward + x * right + y * up

    def _lamp(self, light, scene, place, point):
        """Vectors (3, P) from points to a light, and what it sends there."""
        if light == _NUM_LIGHTS - 1:
            return np.broadcast_to(_SUN[:, None], point.shape), np.float32(
                _SUN_STRENGTH
            )
        lamp = self.lamps[light][:, scene, place]
        to_lamp = lamp - point
        inverse = 1.0 / dot(to_lamp, to_lamp)
        root = np.sqrt(inverse)
        # The lamp is a square that faces the origin.
        facing = dot(lamp, to_lamp) * root / np.sqrt(dot(lamp, lamp))
        return to_lamp * root, _STRENGTHS[light] * inverse * np.maximum(
            facing, 0.0
        )

    # The ground.

    def _ground(self):
        """Light from the ground (3, B, S, S)."""
        batch, size = len(self.scenes), self.size
        shown = self.seen < 0
        share = _pool(shown, batch, size)
        sample = np.arange(batch * size * size)
        scene_row, column = np.divmod(sample, size)
        scene, row = np.divmod(scene_row, size)
        ray = self._ray(scene, row, column, size)
        height = self.scenes.camera[:, 2][scene]
        point = self.scenes.camera.T[:, scene] - ray * (height / ray[2])
        open_sky = self._open_sky(point, scene)
        light = np.zeros((3, batch, size, size), "float32")
        light += _AMBIENT * (share * open_sky.reshape(share.shape))
        for number, lit in enumerate(self._lit_ground(shown)):
            to_lamp, strength = self._lamp(number, scene, 0, point)
            amount = (strength * to_lamp[2]).reshape(batch, size, size)
            amount = amount * _pool(lit, batch, size)
            light += _LAMP_COLORS[number][:, None, None, None] * amount
        return _GROUND * light

    def _open_sky(self, point, scene):
        """How much of the sky points of the ground see past the objects."""
        open_sky = np.ones(point.shape[1], "float32")
        pixels = self.size**2
        for k in range(len(self.objects)):
            part = slice(
                self.objects.scene[k] * pixels,
                (self.objects.scene[k] + 1) * pixels,
            )
            center, radius = self.objects.center[:, k], self.objects.radius[k]
            dx, dy = point[0, part] - center[0], point[1, part] - center[1]
            square = dx * dx + dy * dy + radius * radius
            # A sphere on the ground takes this share of the light away.
            share = radius**3 / (square * np.sqrt(square))
            open_sky[part] *= 1.0 - np.minimum(share, 0.9)
        return open_sky

    def _lit_ground(self, shown):
        """Whether each light reaches samples of the ground: 4 of (M,)."""
        objects, scenes = self.objects, self.scenes
        corners = objects.corners()  # (3, O, 8)
        for light in range(_NUM_LIGHTS):
            lit = shown.copy()
            index, column, row = fill_boxes(self._shadow_boxes(light, corners))
            sample = (objects.scene[index] * self.grid + row) * self.grid
            sample += column
            keep = shown[sample]
            index, column, row, sample = (
                index[keep],
                column[keep],
                row[keep],
                sample[keep],
            )
            scene = objects.scene[index]
            ray = self._ray(scene, row, column, self.grid)
            height = scenes.camera[:, 2][scene]
            point = scenes.camera.T[:, scene] - ray * (height / ray[2])
            place = (row % SAMPLES) * SAMPLES + column % SAMPLES
            dark = self._blocked(light, point, scene, place, index)
            lit[sample[dark]] = False
            yield lit

    def _blocked(self, light, point, scene, place, index):
        """Whether objects (P,) stand between points (3, P) and a light."""
        objects = self.objects
        if light == _NUM_LIGHTS - 1:
            towards = np.broadcast_to(_SUN[:, None], point.shape)
        else:
            towards = self.lamps[light][:, scene, place] - point
        scale = 1.0 / objects.radius[index]
        origin = objects.to_local(
            (point - objects.center[:, index]) * scale, index
        )
        direction = objects.to_local(towards * scale, index)
        near, far = objects.hits(origin, direction, index)
        # Lamps hang above all objects: what lies ahead lies between.
        return (near < far) & (far > 0.0)

    def _shadow_boxes(self, light, corners):
        """Boxes (4, O) of samples around the shadows on the ground."""
        objects, scenes = self.objects, self.scenes
        if light == _NUM_LIGHTS - 1:
            away = -_SUN[:, None, None, None]
            start = corners[..., None]
        else:
            lamp = self.lamps[light][:, objects.scene][:, :, None]
            start = corners[..., None]
            away = start - lamp  # (3, O, 8, SAMPLES ** 2)
        fallen = start - away * (start[2] / away[2])
        fallen = fallen.reshape(3, len(objects), -1)
        points = np.concatenate([fallen, corners], axis=2)
        camera = scenes.camera[objects.scene]
        where = project(points.transpose(1, 2, 0), camera)
        boxes = screen_boxes(where[..., 0], where[..., 1], self.grid)
        # Shadows that reach behind the camera may be anywhere.
        behind = (where[..., 2] < 0.5).any(axis=1)
        boxes[:, behind] = np.array([0, self.grid, 0, self.grid])[:, None]
        return boxes

    # The objects.

    def _objects_light(self):
        """Light from the objects (3, B, S, S)."""
        batch, size = len(self.scenes), self.size
        sample = np.flatnonzero(self.seen >= 0)
        # By object, as everything that follows goes by object.
        order = np.argsort(self.seen[sample].astype("int16"), kind="stable")
        sample = sample[order]
        index = self.seen[sample]
        scene, row, column, place = self._split(sample)
        ray = self._ray(scene, row, column, self.grid)
        point = self.scenes.camera.T[:, scene] + ray * self.depth[sample]
        ray = normalize(ray)
        normal = self._normals(point, index)
        facing = -dot(ray, normal)
        mirror = ray + 2.0 * facing * normal

        base = COLORS[:, self.objects.color[index]]
        metal = self.objects.material[index] == METAL
        diffuse, gloss, shine = self._lights(
            point, normal, mirror, scene, place, index
        )
        sky = _AMBIENT * (0.6 + 0.4 * normal[2])
        rim = (1.0 - np.clip(facing, 0.0, 1.0)) ** 3
        rubber = base * (diffuse + sky) * (1.0 + 0.25 * rim) + 0.05 * gloss
        color = rubber
        chosen = np.flatnonzero(metal)
        reflected = self._reflected(
            point[:, chosen], mirror[:, chosen], scene[chosen], index[chosen]
        )
        color[:, chosen] = (
            base[:, chosen]
            * (0.25 * diffuse[:, chosen] + reflected + 0.5 * gloss[:, chosen])
            + (0.35 + 0.65 * base[:, chosen]) * shine[:, chosen]
            + 0.15 * rim[chosen] * reflected
        )
        pixel = (scene * size + row // SAMPLES) * size + column // SAMPLES
        return np.stack(
            [
                np.bincount(pixel, part, minlength=batch * size * size)
                for part in color
            ]
        ).astype("float32").reshape(3, batch, size, size) / (SAMPLES**2)

    def _normals(self, point, index):
        """Outward directions (3, P), turned softly near the edges."""
        objects = self.objects
        local = objects.to_local(point - objects.center[:, index], index)
        local = local / objects.radius[index]
        first, second = np.searchsorted(
            index, np.searchsorted(objects.shape, [1, 2])
        )
        cube, cylinder = local[:, :first], local[:, second:]
        flat = 1.0 - _ROUNDING[CUBE]
        local[:, :first] = np.sign(cube) * np.maximum(np.abs(cube) - flat, 1e-6)
        flat = 1.0 - _ROUNDING[CYLINDER]
        across = np.sqrt(cylinder[0] ** 2 + cylinder[1] ** 2)
        cylinder[:2] *= np.maximum(across - flat, 1e-6) / across
        cylinder[2] = np.sign(cylinder[2]) * np.maximum(
            np.abs(cylinder[2]) - flat, 1e-6
        )
        return normalize(objects.to_world(local, index))

    def _lights(self, point, normal, mirror, scene, place, index):
        """What lights give (3, P): diffuse, broad and sharp highlights."""
        diffuse, gloss, shine = (np.zeros_like(point) for _ in range(3))
        spans = np.searchsorted(index, np.arange(len(self.objects) + 1))
        for light in range(_NUM_LIGHTS):
            to_lamp, strength = self._lamp(light, scene, place, point)
            lit = np.ones(point.shape[1], "float32")
            pair = self._shaded_pairs(light)
            sample, blocker = _expand(pair, spans)
            dark = self._blocked(
                light, point[:, sample], scene[sample], place[sample], blocker
            )
            lit[sample[dark]] = 0.0
            strength = strength * lit
            color = _LAMP_COLORS[light][:, None]
            diffuse += color * (strength * np.maximum(dot(normal, to_lamp), 0))
            lobe = np.maximum(dot(mirror, to_lamp), 0.0)
            for _ in range(4):
                lobe = lobe * lobe
            gloss += color * (strength * lobe)
            if light < _NUM_LIGHTS - 1:
                for _ in range(4):
                    lobe = lobe * lobe
                shine += color * (6.0 * strength * lobe)
        return diffuse, gloss, shine

    def _shaded_pairs(self, light):
        """Pairs of an object and one that may shade it, by the latter."""
        objects = self.objects
        shaded, blocker = np.nonzero(
            objects.scene[:, None] == objects.scene[None]
        )
        between = objects.center[:, blocker] - objects.center[:, shaded]
        if light == _NUM_LIGHTS - 1:
            along = dot(_SUN[:, None], between)
        else:
            lamp = self.lamps[light].mean(axis=-1)[:, objects.scene[shaded]]
            to_lamp = normalize(lamp - objects.center[:, shaded])
            along = dot(to_lamp, between)
        apart = dot(between, between) - along * along
        reach = np.sqrt(3.0) * (
            objects.radius[shaded] + objects.radius[blocker]
        )
        near = (apart < (reach + 0.1) ** 2) & (along > -reach)
        near &= shaded != blocker
        shaded, blocker = shaded[near], blocker[near]
        order = np.argsort(blocker, kind="stable")
        return shaded[order], blocker[order]

    # What metal reflects.

    def _reflected(self, point, mirror, scene, index):
        """Light (3, P) that comes to points against their mirror rays."""
        objects = self.objects
        spans = np.searchsorted(index, np.arange(len(objects) + 1))
        shaded, blocker = np.nonzero(
            objects.scene[:, None] == objects.scene[None]
        )
        keep = (shaded != blocker) & (spans[shaded + 1] > spans[shaded])
        shaded, blocker = shaded[keep], blocker[keep]
        order = np.argsort(blocker, kind="stable")
        sample, other = _expand((shaded[order], blocker[order]), spans)
        scale = 1.0 / objects.radius[other]
        origin = objects.to_local(
            (point[:, sample] - objects.center[:, other]) * scale, other
        )
        direction = objects.to_local(mirror[:, sample] * scale, other)
        near, far = objects.hits(origin, direction, other)
        hit = np.flatnonzero((near < far) & (near > 0.0))
        seen, distance = nearest(
            sample[hit], other[hit], near[hit], objects.slot, len(scene)
        )
        light = self._surroundings(point, mirror, scene, index)
        met = np.flatnonzero(seen >= 0)
        met = met[np.argsort(seen[met].astype("int16"), kind="stable")]
        other = seen[met]
        where = point[:, met] + mirror[:, met] * distance[met]
        normal = self._normals(where, other)
        diffuse = np.zeros_like(where)
        for number in range(_NUM_LIGHTS):
            to_lamp, strength = self._lamp(number, scene[met], 0, where)
            diffuse += _LAMP_COLORS[number][:, None] * (
                strength * np.maximum(dot(normal, to_lamp), 0.0)
            )
        base = COLORS[:, objects.color[other]]
        light[:, met] = base * (diffuse + _AMBIENT * (0.6 + 0.4 * normal[2]))
        return light

    def _surroundings(self, point, mirror, scene, index):
        """What rays (3, P) meet that meet no object: ground or sky."""
        objects = self.objects
        down = np.minimum(mirror[2], -1e-3)
        where = point - mirror * (point[2] / down)
        distance = where[:2] - objects.center[:2, index]
        radius = objects.radius[index]
        square = dot(
            np.stack([*distance, radius]), np.stack([*distance, radius])
        )
        open_sky = 1.0 - np.minimum(radius**3 / (square * np.sqrt(square)), 0.9)
        away = where[0] ** 2 + where[1] ** 2
        lit = (0.35 + 0.65 * open_sky) / (1.0 + 0.015 * away)
        ground = _GROUND * (0.95 * lit + _AMBIENT * open_sky)
        up = np.maximum(mirror[2], 0.0)
        sky = 0.10 + 0.30 * up
        # The far ground fades into the sky.
        blend = np.clip(-mirror[2] * 8.0, 0.0, 1.0)
        light = sky + blend * (ground - sky)
        return np.stack([light, light, light]).astype("float32")


def _lamp_points(lights):
    """Points (3 lamps, 3, B, SAMPLES ** 2) on lamps (B, 3, 3).

    Each sample of a pixel sees another point of the lamp's square, which
    softens the shadows.
    """
    place = (np.arange(SAMPLES, dtype="float32") + 0.5) / SAMPLES * 2.0 - 1.0
    # Turned against the order of samples, lest shadows slant with the pixels.
    v, u = np.meshgrid(place, place, indexing="ij")
    points = []
    for light in range(lights.shape[1]):
        center = lights[:, light]
        _, right, up = (
            axis[..., None] * _LAMP_HALF_EDGES[light]
            for axis in view_axes(center)
        )
        points.append(center.T[..., None] + right * u.ravel() + up * v.ravel())
    return np.stack(points)


def _expand(pairs, spans):
    """Samples of the first object of pairs, each with the second object."""
    first, second = pairs
    counts = spans[first + 1] - spans[first]
    ends = np.cumsum(counts)
    total = ends[-1] if len(ends) else 0
    sample = np.arange(total) + np.repeat(
        spans[first] - (ends - counts), counts
    )
    return sample, np.repeat(second, counts)


def _pool(samples, batch, size):
    """Means over the samples (M,) of each pixel: float32 (B, S, S)."""
    grid = samples.reshape(batch, size, SAMPLES, size, SAMPLES).view("uint8")
    total = sum(
        grid[:, :, i, :, j] for i in range(SAMPLES) for j in range(SAMPLES)
    )
    return total.astype("float32") / (SAMPLES**2)


def _encode(light):
    """Linear light to uint8 by the transfer curve of sRGB."""
    curve = 1.055 * np.maximum(light, 0.0031308) ** (1.0 / 2.4) - 0.055
    value = np.where(light <= 0.0031308, 12.92 * light, curve)
    return np.rint(255.0 * np.minimum(value, 1.0)).astype("uint8")
