"""Render the pictures of the demo class and their truth: ``python -m visum_demo.ship``."""

import argparse
import shutil

import cv2

from .batches import SHIPPED_SEED
from .render import render
from .shipped import IMAGES, Truth, save_truth, stem
from .worlds import WorldName, load_world


def ship(name: WorldName, class_name: str, count: int) -> Truth:
    """Write ``count`` pictures of a class as PNG into the package, in place of earlier ones, and their truth."""
    world = load_world(name)
    shutil.rmtree(IMAGES, ignore_errors=True)
    IMAGES.mkdir(parents=True)
    seeds = {f"{class_name}-{k:02d}.png": SHIPPED_SEED + k for k in range(count)}
    for file, seed in seeds.items():
        image = render(world.scene(class_name, seed)).image
        cv2.imwrite(str(IMAGES / file), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    truth = Truth(stem(name), name, class_name, seeds)
    save_truth(truth)
    return truth


def main() -> None:
    """Parse the command line and write the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--world", choices=("dev", "test"), default="test")
    parser.add_argument("--class-name", default="hoopoe")
    parser.add_argument("--count", type=int, default=36)
    options = parser.parse_args()
    truth = ship(options.world, options.class_name, options.count)
    print(f"{len(truth.seeds)} pictures of {truth.class_name} in {IMAGES}")


if __name__ == "__main__":
    main()
