"""What CLEVR pictures show, against rays cast one by one."""

import dataclasses

import numpy as np
import pytest

from keras_slots.datasets.generated import clevr_lamps, clevr_scene_sampling
from keras_slots.datasets.generated.clevr_geometry import (
    Objects,
    Scenes,
    first_hits,
    masks,
    project,
)
from keras_slots.datasets.generated.clevr_ray_caster import (
    COLORS,
    METAL,
    render,
)
from keras_slots.property_layout import PROPERTIES
from tests.datasets import clevr_reference as reference

SIZE = 24
CAMERA = clevr_scene_sampling.CAMERA
LIGHTS = clevr_scene_sampling.LIGHTS
CUBE, SPHERE, CYLINDER = 0, 1, 2
FACTORS = ("coordinates", "rotation", *PROPERTIES)
# Mean red, green and blue of two pictures, 0..255.
GOLDEN_MEANS = [[143.15, 142.23, 143.07], [138.60, 138.05, 143.45]]


def make_scene(*objects):
    """One scene of (x, y, size, material, shape, color) per object."""
    columns = [np.array([values]) for values in zip(*objects, strict=True)]
    x, y, size, material, shape, color = columns
    radius = np.array([0.35, 0.7])[size]
    return Scenes(
        camera=CAMERA[None],
        lights=LIGHTS[None],
        count=np.array([len(objects)]),
        coordinates=np.stack([x, y, radius], axis=-1).astype("float32"),
        size=size,
        material=material,
        shape=shape,
        color=color,
        rotation=np.full(x.shape, 0.5, "float32"),
    )


@pytest.fixture(scope="module")
def scenes():
    classes = {name: tuple(range(len(c))) for name, c in PROPERTIES.items()}
    settings = clevr_scene_sampling.SceneSettings("test", 2, 3, 10, classes)
    return clevr_scene_sampling.sample_scenes(settings, range(5))


def test_masks_are_those_of_rays_cast_one_by_one(scenes):
    got = masks(scenes, SIZE)
    assert got.dtype == np.uint8
    expected = [reference.labels(scenes, b, SIZE) for b in range(len(scenes))]
    assert {0, 1, 2, 3} < set(np.unique(expected))
    np.testing.assert_array_equal(got, expected)


def test_objects_that_touch_and_leave_the_frame():
    """More than scenes hold: objects in one another and beside the frame."""
    things = [
        (5.5, -4.5, 1, 0, CUBE, 0),
        (4.0, -1.0, 1, 0, CYLINDER, 1),
        (4.2, -1.4, 1, 0, SPHERE, 2),
        (-2.8, 2.9, 0, 0, CUBE, 3),
        (-9.0, -4.0, 1, 0, SPHERE, 4),
    ]
    scene = make_scene(*things)
    np.testing.assert_array_equal(
        masks(scene, 36)[0], reference.labels(scene, 0, 36)
    )


def test_distances_lead_to_the_surface(scenes):
    objects = Objects(scenes)
    seen, depth = first_hits(scenes, objects, SIZE)
    camera = scenes.camera[0].astype("float64")
    pixels = np.flatnonzero(seen[: SIZE**2] >= 0)[::3]
    things = reference.objects_of(scenes, 0)
    assert len(pixels) > 10
    for pixel in pixels:
        ray = reference.pixel_ray(camera, *divmod(pixel, SIZE), SIZE)
        expected, number = reference.label(camera, ray, things)
        assert depth[pixel] == pytest.approx(expected, rel=1e-4)
        assert objects.slot[seen[pixel]] + 1 == number


def test_camera_is_that_of_clevr():
    """49.13 degrees across, and two thirds of its tangent down."""
    forward, right, up = reference.camera_axes(CAMERA)
    tangent = np.tan(np.deg2rad(49.13) / 2)
    points = np.stack(
        [
            np.zeros(3),
            CAMERA + 5 * (forward - tangent * right),
            CAMERA + 2 * (forward + tangent / 1.5 * up),
        ]
    )
    got = project(points[None], CAMERA[None].astype("float64"))[0]
    distance = np.linalg.norm(CAMERA)
    expected = [(0.5, 0.5, distance), (0.0, 0.5, 5.0), (0.5, 0.0, 2.0)]
    np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize("place", [(0, 0), (2.5, -2.5), (-2, 1), (1, 2.5)])
def test_spheres_are_seen_where_they_are_projected(place):
    scene = make_scene((*place, 0, 0, SPHERE, 0))
    rows, columns = np.nonzero(masks(scene, 200)[0])
    across, down, _ = project(scene.coordinates, scene.camera)[0, 0] * 200
    assert columns.mean() + 0.5 == pytest.approx(across, abs=0.4)
    assert rows.mean() + 0.5 == pytest.approx(down, abs=0.4)


# Lamps.


def test_light_falls_with_distance_and_angle():
    """Power over pi, the square of the distance, and the lamp's angle."""
    point = np.array([1.5, -0.5, 0.3])
    for lamp, watt in enumerate((100.0, 30.0, 50.0)):
        source = LIGHTS[lamp].astype("float64")
        towards, strength = clevr_lamps.arriving(
            lamp, source[:, None], point[:, None]
        )
        step = source - point
        distance = np.linalg.norm(step)
        angle = step @ source / distance / np.linalg.norm(source)
        np.testing.assert_allclose(towards[:, 0], step / distance, rtol=1e-6)
        expected = watt / np.pi / distance**2 * angle
        assert strength[0] == pytest.approx(expected, rel=1e-5)


def test_sun_is_parallel_and_even():
    lamps = clevr_lamps.lamp_points(LIGHTS[None], np.zeros((1, 2), "float32"))
    corners = np.array([(x, y, 0) for x in (-3, 3) for y in (-3, 3)]).T
    towards, strength = clevr_lamps.arriving(3, lamps[3], corners)
    sun = np.array([0.4145, -0.1946, 0.889])
    assert (towards.T @ sun).min() > np.cos(np.deg2rad(3))
    np.testing.assert_allclose(strength, 0.45, rtol=0.1)


def test_points_of_lamps_fill_squares_that_face_the_origin():
    spots = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1), (0, 0)], "float32")
    lamps = clevr_lamps.lamp_points(np.repeat(LIGHTS[None], 5, 0), spots)
    for lamp, edge in enumerate((0.5, 0.5, 1.0)):
        *corners, center = lamps[lamp].T
        np.testing.assert_allclose(center, LIGHTS[lamp], rtol=1e-6)
        for i in range(4):
            assert (corners[i] - center) @ center == pytest.approx(0, abs=1e-5)
        sides = [
            np.linalg.norm(corners[i] - corners[j])
            for i, j in ((0, 1), (1, 3), (3, 2), (2, 0))
        ]
        np.testing.assert_allclose(sides, edge, rtol=1e-5)


def hidden(lamp, point, objects):
    """Whether any of the objects stands between a point and a lamp."""
    return any(
        reference.entry(point, np.subtract(lamp, point), *thing) is not None
        for thing in objects
    )


@pytest.fixture(scope="module")
def shadows(scenes):
    spots = np.tile(np.array([(0.3, -0.6)], "float32"), (len(scenes), 1))
    lamps = clevr_lamps.lamp_points(scenes.lights, spots)
    return clevr_lamps.Shadows(scenes, Objects(scenes), lamps)


@pytest.mark.parametrize("lamp", range(4))
def test_shadows_on_the_ground(shadows, lamp):
    scenes, size = shadows.scenes, 12
    points, expected = [], []
    for b in range(len(scenes)):
        camera = scenes.camera[b].astype("float64")
        things = reference.objects_of(scenes, b)
        source = shadows.lamps[lamp, :, b].astype("float64")
        for pixel in range(size**2):
            ray = reference.pixel_ray(camera, *divmod(pixel, size), size)
            points.append(camera - ray * camera[2] / ray[2])
            expected.append(hidden(source, points[-1], things))
    got = np.zeros(len(points), "bool")
    ground = np.array(points, "float32")[:, :2].T
    got[shadows.on_ground(lamp, ground, size)] = True
    assert 0.03 < np.mean(expected) < 0.5
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("lamp", range(4))
def test_shadows_on_objects(shadows, lamp):
    scenes, objects = shadows.scenes, shadows.objects
    rng = np.random.default_rng(0)
    spans = np.arange(len(objects) + 1) * 20
    # Points on spheres around the middle of each object, within all shapes.
    point = rng.standard_normal((3, spans[-1]))
    point *= 0.9 * np.repeat(objects.radius, 20) / np.linalg.norm(point, axis=0)
    point += np.repeat(objects.center, 20, axis=1)
    expected = []
    for number, (b, slot) in enumerate(
        zip(objects.scene, objects.slot, strict=True)
    ):
        source = shadows.lamps[lamp, :, b].astype("float64")
        others = reference.objects_of(scenes, b)
        del others[slot]
        for k in range(spans[number], spans[number + 1]):
            expected.append(hidden(source, point[:, k], others))
    got = np.zeros(spans[-1], "bool")
    got[shadows.on_objects(lamp, point.astype("float32"), spans)] = True
    assert sum(expected) > 2
    np.testing.assert_array_equal(got, expected)


# Pictures.


def linear(picture):
    """The light that pixels 0..255 stand for."""
    value = picture / 255.0
    dark = value <= 0.04045
    return np.where(dark, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def test_colors_can_be_told_apart():
    """The nearest of the eight nominal hues is that of the object."""
    nominal = COLORS / COLORS.sum(axis=0)
    for material in (0, 1):
        for shape in (CUBE, SPHERE, CYLINDER):
            for color in range(8):
                scene = make_scene((0.5, -0.5, 1, material, shape, color))
                seen = masks(scene, 48)[0] == 1
                light = linear(render(scene, 48)[0])[seen].mean(axis=0)
                distance = nominal.T - light / light.sum()
                nearest = (distance**2).sum(axis=1).argmin()
                assert nearest == color, (material, shape, color)


@pytest.mark.parametrize("shape", [CUBE, SPHERE, CYLINDER])
def test_metal_reflects_its_neighbors_and_rubber_does_not(shape):
    def difference(material):
        """What a red neighbor changes in the light of a gray object."""
        thing = (-1.0, 1.0, 1, material, shape, 0)
        alone = make_scene(thing)
        beside = make_scene(thing, (-0.8, -1.0, 1, 0, SPHERE, 4))
        seen = masks(beside, 96)[0] == 1
        change = render(beside, 96)[0].astype(int) - render(alone, 96)[0]
        red = change[..., 0] - change[..., 1:].mean(axis=-1)
        return (red[seen] > 15).sum()

    assert difference(METAL) > 5 * difference(0) + 5


def test_metal_has_sharp_highlights():
    def brightest(material):
        scene = make_scene((0, 0, 1, material, SPHERE, 1))
        seen = masks(scene, 96)[0] == 1
        light = linear(render(scene, 96)[0])[seen].mean(axis=-1)
        return light.max() / np.median(light)

    assert brightest(METAL) > 2 * brightest(0)


def test_objects_darken_the_ground_with_their_shadows():
    scene = make_scene((0, 0, 1, 0, CUBE, 0))
    empty = make_scene((-60.0, 60.0, 0, 0, SPHERE, 0))
    ground = masks(scene, 96)[0] == 0
    darker = render(empty, 96)[0].astype(int) - render(scene, 96)[0]
    # The object's edge takes part of a pixel that shows the ground.
    near = np.pad(~ground, 1)
    for axis in (0, 1):
        near |= np.roll(near, 1, axis) | np.roll(near, -1, axis)
    darker = darker[~near[1:-1, 1:-1]]
    assert (darker >= 0).all()
    share = (darker.mean(axis=-1) > 12).mean()
    assert 0.01 < share < 0.3


def test_edges_are_smooth():
    """Pixels along an edge take shades between object and ground."""
    scene = make_scene((0, 0, 1, 0, SPHERE, 3))
    light = linear(render(scene, 96)[0])
    # Yellow against gray, whatever the shadow.
    yellow = 1.0 - light[..., 2] / light[..., 0]
    label = masks(scene, 96)[0]
    smooth = []
    for row, column in zip(
        *np.nonzero(np.diff(label.astype(int))), strict=True
    ):
        outer, *edge, inner = yellow[row, column - 1 : column + 3]
        low, high = sorted((outer, inner))
        margin = 0.1 * (high - low)
        smooth.append(
            any(low + margin < value < high - margin for value in edge)
        )
    assert len(smooth) > 30
    assert np.mean(smooth) > 0.6


def test_size_of_a_picture_leaves_it_the_same(scenes):
    small, large = render(scenes, 32), render(scenes, 96)
    assert small.shape == (5, 32, 32, 3) and small.dtype == np.uint8
    pooled = linear(large).reshape(5, 32, 3, 32, 3, 3).mean(axis=(2, 4))
    assert np.abs(linear(small) - pooled).mean() < 0.01


def test_a_picture_does_not_depend_on_the_others(scenes):
    together = render(scenes, 16)
    for b in range(len(scenes)):
        alone = render(scenes.take(slice(b, b + 1)), 16)[0]
        np.testing.assert_array_equal(together[b], alone)


def test_objects_after_the_count_are_not_there(scenes):
    short = dataclasses.replace(scenes, count=np.minimum(scenes.count, 2))
    assert masks(short, SIZE).max() == 2
    first = {
        name: values[:, :2] if values.ndim > 1 and name in FACTORS else values
        for name, values in vars(short).items()
    }
    np.testing.assert_array_equal(
        render(short, SIZE), render(Scenes(**first), SIZE)
    )


def test_pictures_stay_as_they_are_from_release_to_release(scenes):
    """Another picture for the same scene calls for another cache version."""
    got = render(scenes.take(slice(2)), 64).mean(axis=(1, 2))
    np.testing.assert_allclose(got, GOLDEN_MEANS, atol=0.05)
