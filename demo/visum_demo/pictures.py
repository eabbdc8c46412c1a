"""Draw the pictures of the documentation: ``python -m visum_demo.pictures --out docs/pictures``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .difficulty import DEFAULT, EASY, HARD
from .render import Rendering, Stage, render
from .worlds import Blueprint, World, load_world

Picture = NDArray[np.uint8]

TILE_PX = 144
GAP_PX = 6
LABEL_PX = 18
PAPER = 255
INK = (60, 60, 70)
FONT_SCALE = 0.4
JPEG_QUALITY = 90
MASK_COLOURS = (
    (230, 80, 70), (60, 130, 220), (250, 190, 60), (90, 180, 110), (160, 100, 200), (240, 140, 180), (80, 190, 200),
)  # fmt: skip
FIRST_SEED = 0
REMOVALS_SEED = 503
"""A scene of the demo class that shows decoy and tag."""


def contact_sheet(tiles: Sequence[Picture], labels: Sequence[str], columns: int, tile_px: int = TILE_PX) -> Picture:
    """Pictures in rows on white paper, each with a label below (no room for labels if all are empty)."""
    cell_h, cell_w = tile_px + GAP_PX + (LABEL_PX if any(labels) else 0), tile_px + GAP_PX
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * cell_h + GAP_PX, columns * cell_w + GAP_PX, 3), PAPER, np.uint8)
    for k, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        left, top = GAP_PX + k % columns * cell_w, GAP_PX + k // columns * cell_h
        sheet[top : top + tile_px, left : left + tile_px] = cv2.resize(
            tile, (tile_px, tile_px), interpolation=cv2.INTER_CUBIC
        )
        place = (left + 2, top + tile_px + LABEL_PX - 5)
        cv2.putText(sheet, label, place, cv2.FONT_HERSHEY_SIMPLEX, FONT_SCALE, INK, 1, cv2.LINE_AA)
    return sheet


def draw_classes(world: World) -> Picture:
    """A picture of each class: a row a family."""
    tiles = [render(world.scene(name, FIRST_SEED + k)).image for k, name in enumerate(world.classes)]
    return contact_sheet(tiles, world.classes, columns=6)


def draw_designed_parts(world: World) -> Picture:
    """Every designed part alone on the body of its family: a row a family."""
    tiles, labels = [], []
    for slots, owners in _slots(world):
        for part in slots:
            scene = world.scene(owners[part], FIRST_SEED)
            tiles.append(Stage(scene).image(without=set(scene.removable) - {part}))
            labels.append(part)
    return contact_sheet(tiles, labels, columns=9, tile_px=112)


def draw_removals(world: World, class_name: str, seed: int) -> Picture:
    """A scene, its masks, the scene without each of its parts, and without any."""
    scene = world.scene(class_name, seed)
    whole, stage = render(scene), Stage(scene)
    tiles = [whole.image, mask_overlay(whole), *(stage.image(without={name}) for name in scene.removable)]
    labels = [class_name, "masks", *(f"no {name}" for name in scene.removable), "body alone"]
    tiles.append(stage.image(without=scene.removable))
    return contact_sheet(tiles, labels, columns=len(tiles) // 2)


def draw_variety(world: World, class_name: str) -> Picture:
    """One class, many pictures."""
    tiles = [render(world.scene(class_name, FIRST_SEED + k)).image for k in range(16)]
    return contact_sheet(tiles, [""] * len(tiles), columns=8)


def draw_difficulties(class_name: str) -> Picture:
    """The same class at three difficulties: a row each."""
    tiles = [
        render(load_world("test", difficulty).scene(class_name, FIRST_SEED + k)).image
        for difficulty in (EASY, DEFAULT, HARD)
        for k in range(8)
    ]
    labels = [name if k == 0 else "" for name in ("EASY", "DEFAULT", "HARD") for k in range(8)]
    return contact_sheet(tiles, labels, columns=8)


def mask_overlay(rendering: Rendering) -> Picture:
    """The picture in pale grey, the parts' masks coloured, the body's white."""
    grey = cv2.cvtColor(rendering.image, cv2.COLOR_RGB2GRAY)
    pale = 150.0 + 0.25 * np.repeat(grey[..., None], 3, axis=2)
    colours = iter(MASK_COLOURS)
    for name, mask in rendering.part_masks.items():
        tone = np.array((255, 255, 255) if name == "body" else next(colours))
        pale[mask] = 0.85 * tone + 0.15 * rendering.image[mask]
    return np.asarray(pale, np.uint8)


def main() -> None:
    """Draw them all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    dev, test = load_world("dev"), load_world("test")
    sheets = {
        "classes-test": draw_classes(test),
        "classes-dev": draw_classes(dev),
        "designed-test": draw_designed_parts(test),
        "designed-dev": draw_designed_parts(dev),
        "removals": draw_removals(test, test.shortcut_class, REMOVALS_SEED),
        "variety": draw_variety(test, test.shortcut_class),
        "difficulty": draw_difficulties("stego"),
    }
    for name, sheet in sheets.items():
        path = out / f"parts-world-{name}.jpg"
        cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        print(f"{path}: {path.stat().st_size // 1024} KiB")


def _slots(world: World) -> list[tuple[list[str], dict[str, str]]]:
    """For each family, its designed parts slot by slot, and a class that carries each."""
    families: dict[str, list[tuple[str, Blueprint]]] = {}
    for name, blueprint in world.blueprints.items():
        families.setdefault(blueprint.family.name, []).append((name, blueprint))
    found = []
    for members in families.values():
        owners = {part.name: name for name, blueprint in members for part in blueprint.designed}
        found.append(([part.name for slot in members[0][1].family.slots for part in slot], owners))
    return found


if __name__ == "__main__":
    main()
