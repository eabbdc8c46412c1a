"""What tells classes apart is designed, and the two worlds share nothing."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from visum_demo import DEFAULT, EASY, HARD, Difficulty, World, load_world
from visum_demo.geometry import transform
from visum_demo.scene import SHORTCUT_ELSEWHERE_SHARE, SHORTCUT_SHARE

SCENES = 40
"""Scenes of each class that the shares are counted on."""


@pytest.fixture(scope="module")
def shown(world: World) -> dict[str, list[tuple[str, ...]]]:
    """For each class, the removable parts of some of its scenes."""
    return {name: [world.scene(name, 500 + seed).removable for seed in range(SCENES)] for name in world.classes}


def test_there_are_ten_classes_or_more_in_families(world: World) -> None:
    families = {blueprint.family.name for blueprint in world.blueprints.values()}
    assert len(world.classes) >= 10
    assert len(families) >= 3
    assert world.shortcut_class in world.classes


def test_classes_of_a_family_differ_in_designed_parts_alone(world: World) -> None:
    for one, other in combinations(world.classes, 2):
        if world.blueprints[one].family is world.blueprints[other].family:
            scenes = [world.scene(name, 1) for name in (one, other)]
            kinds = [{item.name: item.kind for item in scene.placed} for scene in scenes]
            body_and_shared = [{k for k, kind in found.items() if kind in ("body", "shared")} for found in kinds]
            designed = [{k for k, kind in found.items() if kind == "designed"} for found in kinds]
            assert body_and_shared[0] == body_and_shared[1]
            assert len(designed[0]) == 3
            assert len(designed[0] & designed[1]) <= 1, "any two designed parts tell a class apart"


def test_the_decoy_is_on_half_of_the_pictures_of_every_class(
    world: World, shown: dict[str, list[tuple[str, ...]]]
) -> None:
    counts = np.array([sum(world.decoy.name in parts for parts in shown[name]) for name in world.classes])
    deviation = np.sqrt(SCENES * 0.25)
    assert np.abs(counts - SCENES / 2).max() < 4 * deviation
    assert abs(counts.mean() - SCENES / 2) < 4 * deviation / np.sqrt(len(counts))


def test_the_shortcut_marks_one_class_and_hardly_any_other(
    world: World, shown: dict[str, list[tuple[str, ...]]]
) -> None:
    shares = {name: np.mean([world.tag.name in parts for parts in shown[name]]) for name in world.classes}
    own = shares.pop(world.shortcut_class)
    assert own == pytest.approx(SHORTCUT_SHARE, abs=0.1)
    assert np.mean(list(shares.values())) == pytest.approx(SHORTCUT_ELSEWHERE_SHARE, abs=0.025)


def test_the_worlds_share_no_parts_colours_or_seeds() -> None:
    dev, test = load_world("dev"), load_world("test")
    names = [{item.name for name in w.classes for item in w.scene(name, 0).placed} - {"body"} for w in (dev, test)]
    assert not names[0] & names[1]
    assert not set(dev.classes) & set(test.classes)
    assert not set(dev.palettes) & set(test.palettes)
    assert not set(dev.moods) & set(test.moods)
    assert dev.backdrop_form != test.backdrop_form
    assert dev.entropy != test.entropy


def test_a_scene_is_a_function_of_world_class_and_seed(world: World) -> None:
    scene = world.scene(world.classes[0], 7)
    assert scene == world.scene(world.classes[0], 7)
    assert scene != world.scene(world.classes[0], 8)
    assert scene != world.scene(world.classes[1], 7)


def test_the_whole_object_is_inside_the_picture(world: World) -> None:
    for seed in range(20):
        scene = world.scene(world.classes[seed % len(world.classes)], seed)
        for item in scene.placed:
            if item.kind in ("body", "shared", "designed", "shortcut"):
                solid = [outline for layer in item.part.layers if layer.relief for outline in layer.outlines]
                points = transform(np.concatenate(solid), item.matrix)
                assert points.min() >= 0.0
                assert points.max() <= 100.0


def test_nothing_but_its_designed_parts_depends_on_the_class(world: World) -> None:
    for family in {blueprint.family for blueprint in world.blueprints.values()}:
        members = [blueprint for blueprint in world.blueprints.values() if blueprint.family is family]
        # Under one name, classes draw the same random numbers.
        twins = [replace(world, blueprints={"twin": member}) for member in members]
        for seed in range(5):
            scenes = [twin.scene("twin", seed) for twin in twins]
            rests = [tuple(item for item in scene.placed if item.kind != "designed") for scene in scenes]
            assert all(rest == rests[0] for rest in rests), "the rest of the picture would tell the class"
            assert all(scene.backdrop == scenes[0].backdrop and scene.light == scenes[0].light for scene in scenes)


def test_harder_worlds_vary_more() -> None:
    def scales(difficulty: Difficulty) -> list[float]:
        varied = load_world("test", difficulty)
        bodies = [next(item for item in varied.scene("kagu", seed).placed if item.kind == "body") for seed in range(60)]
        return [float(np.linalg.det(body.matrix[:, :2])) for body in bodies]

    easy, default, hard = (np.array(scales(difficulty)) for difficulty in (EASY, DEFAULT, HARD))
    assert (easy > 0).all(), "the easy world mirrors nothing"
    assert 0 < (default < 0).mean() < (hard < 0).mean()
    assert np.abs(easy).std() < np.abs(default).std() < np.abs(hard).std()


def test_bad_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="dev or test"):
        load_world("prod")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="penguin"):
        load_world("test").scene("penguin", 0)
    with pytest.raises(ValueError, match="clutter"):
        Difficulty(clutter=1.5)
    with pytest.raises(ValueError, match="part_size"):
        Difficulty(part_size=float("nan"))
