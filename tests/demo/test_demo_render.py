"""A picture is reproducible, and leaving a part out changes that part's pixels alone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from visum_demo import DEFAULT, Scene, World, load_world, render
from visum_demo.batches import Task, dropped_parts, render_batch
from visum_demo.scene import Light


def widened(mask: np.ndarray, reach_px: int) -> np.ndarray:
    side = 2 * reach_px + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)


@pytest.fixture(scope="module", params=range(0, 18, 2))
def scene(request: pytest.FixtureRequest, world: World) -> Scene:
    """One scene of every second class: some of each family."""
    return world.scene(world.classes[request.param], 40 + request.param)


def test_the_same_scene_gives_the_same_picture(scene: Scene) -> None:
    first, second = render(scene), render(scene)
    assert first.image.shape == (128, 128, 3)
    assert first.image.dtype == np.uint8
    assert np.array_equal(first.image, second.image)


def test_masks_are_disjoint_and_cover_the_body_and_every_part(scene: Scene) -> None:
    masks = render(scene).part_masks
    assert set(masks) == {"body", *scene.removable}
    assert np.sum(list(masks.values()), axis=0).max() == 1
    assert all(mask.any() for mask in masks.values())


def test_leaving_a_part_out_changes_only_its_own_pixels(scene: Scene) -> None:
    whole = render(scene)
    for name in scene.removable:
        rest = render(scene, without={name})
        changed = (whole.image != rest.image).any(axis=-1)
        mask = whole.part_masks[name]
        # Antialiased edges, tips, and what shines through the edge of a part in front reach a little beyond the mask.
        assert (changed & ~widened(mask, 1)).sum() <= 0.03 * mask.sum(), name
        assert (changed & mask).sum() > 0.9 * mask.sum(), name


def test_leaving_a_part_out_only_uncovers_the_others(scene: Scene) -> None:
    whole = render(scene).part_masks
    for name in scene.removable:
        rest = render(scene, without={name}).part_masks
        assert set(rest) == set(whole) - {name}
        assert all(not (whole[other] & ~mask).sum() > 2 for other, mask in rest.items())


def test_without_all_parts_the_body_is_left(scene: Scene) -> None:
    bare = render(scene, without=set(scene.removable))
    assert set(bare.part_masks) == {"body"}


def test_only_removable_parts_of_the_scene_can_be_left_out(scene: Scene) -> None:
    for name in ("body", "no such part"):
        with pytest.raises(ValueError, match=name):
            render(scene, without={name})


def test_a_part_of_many_pieces_counts_as_its_filled_outline() -> None:
    scene = load_world("dev").scene("tunny", 3)
    mask = render(scene).part_masks["sail fin"]
    holes = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > mask
    assert holes.sum() < 0.05 * mask.sum(), "the stripes of the fin belong to it"


def test_designed_parts_are_large_enough_to_be_seen(world: World) -> None:
    for name in world.classes:
        designed = {part.name for part in world.blueprints[name].designed}
        shares = [render(world.scene(name, seed)).part_masks for seed in range(3)]
        for part in designed:
            assert np.mean([masks[part].mean() for masks in shares]) > 0.01, part


def test_parts_shrink_with_the_difficulty_and_the_body_does_not() -> None:
    small = load_world("test", replace(DEFAULT, part_size=0.5))
    for seed in range(3):
        masks = [render(w.scene("ketch", seed)).part_masks for w in (load_world("test"), small)]
        assert masks[1]["flag"].sum() < 0.45 * masks[0]["flag"].sum()
        assert masks[1]["body"].sum() > 0.9 * masks[0]["body"].sum()


def test_light_and_noise_are_part_of_the_scene() -> None:
    scene = load_world("test").scene("kagu", 0)
    dark = replace(scene, light=Light(0.5, (1.0, 1.0, 1.0), (0.0, 0.0), 0.0, 0))
    assert render(dark).image.mean() < 0.65 * render(scene).image.mean()


def test_batches_are_the_pictures_of_their_tasks() -> None:
    world = load_world("dev")
    tasks = [Task(class_index, 900, drop_share) for class_index, drop_share in ((0, 0.0), (5, 0.0), (5, 1.0))]
    images = render_batch("dev", tasks, processes=1)
    for image, task in zip(images, tasks, strict=True):
        scene = world.scene(world.classes[task.class_index], task.seed)
        without = set(scene.removable) if task.drop_share else set()
        assert np.array_equal(image, render(scene, without).image)


def test_parts_are_dropped_with_the_given_probability() -> None:
    rng = np.random.default_rng(0)
    dropped = [len(dropped_parts(("a", "b", "c", "d"), 0.15, rng)) for _ in range(2000)]
    assert np.mean(dropped) == pytest.approx(0.6, abs=0.06)
