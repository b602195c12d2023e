"""Pictures of CLEVR-like scenes, cast ray by ray with NumPy.

The lamps, colors and shapes are CLEVR's. The shading is this module's own,
chosen to look good and to be fast. Every pixel is sampled four times, and
every sample sees another point of the lamps, which softens the shadows. The
ground's light is computed once per pixel, as it changes little within a pixel,
and its shadows once per sample.
"""

import numpy as np

from keras_slots.datasets.generated.clevr_geometry import (
    CUBE,
    CYLINDER,
    TAN_X,
    TAN_Y,
    Objects,
    Scenes,
    dot,
    first_hits,
    nearest,
    normalize,
    pixel_centers,
    view_axes,
)
from keras_slots.datasets.generated.clevr_lamps import (
    LAMP_COLORS,
    NUM_LAMPS,
    Shadows,
    arriving,
    expand,
    lamp_points,
    neighbors,
)

# Linear colors of the shaders, in the order of `PROPERTIES`.
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

# Samples of a pixel, and of a lamp: no two in the same row or column, so that
# vertical and horizontal edges get as many shades as slanted edges.
_SPOTS = (
    np.array([(-3, -1), (1, -3), (3, 1), (-1, 3)], "float32") / 4.0
)  # (4, 2) in [-1, 1]
_NUM_SPOTS = len(_SPOTS)

_GROUND = 0.30
_AMBIENT = 0.10
# Rounded edges: the share of the half edge over which normals turn.
_ROUNDING = {CUBE: 0.16, CYLINDER: 0.08}


def render(scenes: Scenes, size: int) -> np.ndarray:
    """Renders scenes to pictures (B, size, size, 3), uint8."""
    # Few enough samples at a time to stay in the processor's cache, but enough
    # that threads, which share the interpreter, spend their time in NumPy.
    chunk = min(max(1, 2**16 // (size * size * _NUM_SPOTS)), 16)
    return np.concatenate(
        [
            _Picture(scenes.take(slice(i, i + chunk)), size).pixels()
            for i in range(0, len(scenes), chunk)
        ]
    )


class _Picture:
    """The pictures of a few scenes, while they are computed.

    The V = 4 B views contain each scene once for each sample of a pixel, with
    its camera tilted by part of a pixel. M = V * S * S.
    """

    def __init__(self, scenes: Scenes, size: int):
        self.scenes = scenes
        self.size = size
        self.views = scenes.take(np.repeat(np.arange(len(scenes)), _NUM_SPOTS))
        self.objects = Objects(self.views)
        spots = np.tile(_SPOTS, (len(scenes), 1))  # (V, 2)
        forward, right, up = view_axes(self.views.camera)
        forward = (
            forward
            + right * (spots[:, 0] * np.float32(TAN_X / size))
            + up * (spots[:, 1] * np.float32(TAN_Y / size))
        )
        self.rays = _rays((forward, right, up), size)  # (3, M)
        # Points in reversed order, so that shadows do not slant with pixels.
        self.lamps = lamp_points(self.views.lights, spots[:, ::-1])
        self.shadows = Shadows(self.views, self.objects, self.lamps)
        self.seen, self.depth = first_hits(
            self.views, self.objects, size, (forward, right, up)
        )

    def pixels(self) -> np.ndarray:
        light = self._ground_light() + self._objects_light()
        light = light.reshape(3, len(self.scenes), self.size, self.size)
        return _encode(light).transpose(1, 2, 3, 0)

    def _mean(self, samples):
        """Averages samples (..., M) of each pixel to (..., B * S * S)."""
        head = samples.shape[:-1]
        parts = samples.reshape(*head, -1, _NUM_SPOTS, self.size**2)
        total = sum(parts[..., i, :] for i in range(1, _NUM_SPOTS))
        total = (total + parts[..., 0, :]).astype("float32")
        return (total / np.float32(_NUM_SPOTS)).reshape(*head, -1)

    # The ground.

    def _ground_light(self):
        """Computes the light from the ground (3, B * S * S)."""
        shown = self.seen < 0
        rays = _rays(view_axes(self.scenes.camera), self.size)
        point = _on_ground(self.scenes.camera, rays)
        samples = _on_ground(self.views.camera, self.rays)
        lamps = lamp_points(
            self.scenes.lights, np.zeros((len(self.scenes), 2), "float32")
        )
        sky = self._open_sky(point) * self._mean(shown.view("uint8"))
        light = np.float32(_AMBIENT) * np.stack([sky] * 3)
        point = np.concatenate([point, np.zeros_like(point[:1])])
        for lamp in range(NUM_LAMPS):
            lit = shown.copy()
            lit[self.shadows.on_ground(lamp, samples, self.size)] = False
            source = np.repeat(lamps[lamp], self.size**2, axis=1)
            towards, strength = arriving(lamp, source, point)
            strength = strength * towards[2] * self._mean(lit.view("uint8"))
            light += LAMP_COLORS[lamp] * strength
        return np.float32(_GROUND) * light

    def _open_sky(self, point):
        """Computes the share of the sky that points (2, B * S * S) see."""
        open_sky = np.ones((len(self.scenes), self.size**2), "float32")
        point = point.reshape(2, len(self.scenes), -1)
        objects = Objects(self.scenes)
        for k, scene in enumerate(objects.scene):
            x, y = point[:, scene] - objects.center[:2, k, None]
            open_sky[scene] *= _past_sphere(x, y, objects.radius[k])
        return open_sky.ravel()

    # The objects.

    def _objects_light(self):
        """Computes the light from the objects (3, B * S * S)."""
        sample = np.flatnonzero(self.seen >= 0)
        # Sorted by object, as the next steps go object by object.
        order = np.argsort(self.seen[sample].astype("int16"), kind="stable")
        sample = sample[order]
        index = self.seen[sample]
        view = sample // self.size**2
        ray = self.rays.take(sample, axis=1)
        point = self.views.camera.T.take(view, axis=1)
        point += ray * self.depth[sample]
        light = np.zeros((3, len(self.seen)), "float32")
        light[:, sample] = self._surfaces(
            point, normalize(ray), index, self.objects.scene[index]
        )
        return self._mean(light)

    def _surfaces(self, point, ray, index, view):
        """Computes the light (3, P) from objects' points back along rays."""
        normal = self._normals(point, index)
        facing = -dot(ray, normal)
        mirror = ray + (2.0 * facing) * normal
        base = COLORS.take(self.objects.color[index], axis=1)
        diffuse, gloss, shine = self._lit(point, normal, mirror, index, view)
        rim = (1.0 - np.clip(facing, 0.0, 1.0)) ** 3
        diffuse += _sky_light(normal)
        light = base * diffuse * (1.0 + 0.25 * rim) + 0.06 * gloss
        metal = np.flatnonzero(self.objects.material[index] == METAL)
        point, mirror, base, diffuse, gloss, shine = (
            part.take(metal, axis=1)
            for part in (point, mirror, base, diffuse, gloss, shine)
        )
        reflected = self._reflected(point, mirror, index[metal], view[metal])
        light[:, metal] = (
            base * (0.2 * diffuse + 1.3 * reflected + gloss)
            + (0.3 + 0.7 * base) * shine
            + 0.2 * rim[metal] * reflected
        )
        return light

    def _normals(self, point, index):
        """Computes outward normals (3, P), rounded near the edges."""
        local = self.objects.place_in_unit(point, index)
        cube, _, cylinder = self.objects.by_shape(index)
        flat = np.float32(1.0 - _ROUNDING[CUBE])
        local[:, cube] = _beyond(local[:, cube], flat)
        flat = np.float32(1.0 - _ROUNDING[CYLINDER])
        x, y, z = local[:, cylinder]
        across = np.sqrt(x * x + y * y)
        local[:2, cylinder] *= np.maximum(across - flat, 1e-6) / across
        local[2, cylinder] = _beyond(z, flat)
        return normalize(self.objects.turn_back(local, index))

    def _lit(self, point, normal, mirror, index, view):
        """Sums the lamps' light (3, P): diffuse, broad and sharp highlights."""
        diffuse, gloss, shine = (np.zeros_like(point) for _ in range(3))
        spans = np.searchsorted(index, np.arange(len(self.objects) + 1))
        for lamp in range(NUM_LAMPS):
            source = self.lamps[lamp].take(view, axis=1)
            towards, strength = arriving(lamp, source, point)
            strength[self.shadows.on_objects(lamp, point, spans)] = 0.0
            color = LAMP_COLORS[lamp]
            diffuse += color * (
                strength * np.maximum(dot(normal, towards), 0.0)
            )
            lobe = np.maximum(dot(mirror, towards), 0.0)
            broad = _power(lobe, 4)
            gloss += color * (strength * broad)
            shine += color * (np.float32(8.0) * strength * _power(broad, 3))
        return diffuse, gloss, shine

    # Reflections in metal.

    def _reflected(self, point, mirror, index, view):
        """Computes the light (3, P) that reaches points along mirror rays."""
        objects = self.objects
        spans = np.searchsorted(index, np.arange(len(objects) + 1))
        sample, other = expand(neighbors(objects), spans)
        near, far = objects.hits(
            objects.place_in_unit(point.take(sample, axis=1), other),
            objects.to_unit(mirror.take(sample, axis=1), other),
            other,
        )
        hit = np.flatnonzero((near < far) & (near > 0.0))
        seen, distance = nearest(
            sample[hit], other[hit], near[hit], objects.slot, len(index)
        )
        light = _surroundings(
            point,
            mirror,
            objects.center.take(index, axis=1),
            objects.radius[index],
        )
        met = np.flatnonzero(seen >= 0)
        met = met[np.argsort(seen[met].astype("int16"), kind="stable")]
        where = point.take(met, axis=1)
        where += mirror.take(met, axis=1) * distance[met]
        light[:, met] = self._unshaded(where, seen[met], view[met])
        return light

    def _unshaded(self, point, index, view):
        """Computes the light (3, P) of points as if matt, without shadows."""
        normal = self._normals(point, index)
        light = np.zeros_like(point) + _sky_light(normal)
        for lamp in range(NUM_LAMPS):
            towards, strength = arriving(
                lamp, self.lamps[lamp].take(view, axis=1), point
            )
            light += LAMP_COLORS[lamp] * (
                strength * np.maximum(dot(normal, towards), 0.0)
            )
        return COLORS.take(self.objects.color[index], axis=1) * light


def _rays(axes, size):
    """Returns rays (3, B * S * S) through all pixels, each with depth 1."""
    forward, right, up = (axis[:, :, None, None] for axis in axes)
    across, upwards = pixel_centers(size)
    rays = forward + upwards[:, None] * up + across * right
    return rays.reshape(3, -1)


def _on_ground(camera, rays):
    """Intersects rays (3, B * n) from cameras with the ground: (2, B * n)."""
    rays = rays.reshape(3, len(camera), -1)
    x, y, z = camera.T[..., None]
    far = -z / rays[2]
    return np.stack([x + far * rays[0], y + far * rays[1]]).reshape(2, -1)


def _past_sphere(x, y, radius):
    """Computes the share of light from above that passes a sphere."""
    square = x * x + y * y + radius * radius
    return 1.0 - np.minimum(radius**3 / (square * np.sqrt(square)), 0.9)


def _sky_light(normal):
    """Computes the light (P,) from all directions, least from below."""
    return np.float32(_AMBIENT) * (0.6 + 0.4 * normal[2])


def _surroundings(point, mirror, center, radius):
    """Computes the light (3, P) along rays that meet no other object."""
    # Down to the ground, which the ray's own object shades a little.
    far = point[2] / np.maximum(-mirror[2], 1e-3)
    x, y = point[:2] + mirror[:2] * far
    lit = _past_sphere(x - center[0], y - center[1], radius)
    lit = (0.1 + 0.9 * lit * lit) / (1.0 + 0.02 * (x * x + y * y))
    ground = np.float32(_GROUND) * lit
    up = np.maximum(mirror[2], 0.0)
    sky = 0.16 + 0.30 * up
    # The far ground fades into the sky.
    blend = np.clip(-6.0 * mirror[2], 0.0, 1.0)
    return np.stack([sky + blend * (ground - sky)] * 3)


def _beyond(place, flat):
    """Returns how far places lie beyond the flat part, with their sign."""
    return np.sign(place) * np.maximum(np.abs(place) - flat, 1e-6)


def _power(base, doublings):
    """Computes `base ** (2 ** doublings)` by multiplication, which is fast."""
    for _ in range(doublings):
        base = base * base
    return base


def _encode(light):
    """Converts linear light to uint8 by the transfer curve of sRGB."""
    light = np.minimum(light, 1.0)
    curve = 1.055 * np.maximum(light, 0.0031308) ** (1.0 / 2.4) - 0.055
    value = np.where(light <= 0.0031308, 12.92 * light, curve)
    return np.rint(255.0 * value).astype("uint8")
