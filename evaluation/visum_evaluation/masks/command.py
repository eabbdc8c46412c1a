"""`visum evaluate masks`: the paper's table 2, with controls of whether masks are evidence."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visum_client.commands.command import Command, tell
from visum_client.errors import InvalidInputError, TooFewImagesError
from visum_demo.shipped import model_path
from visum_evaluation.masks.figure import save_figure
from visum_evaluation.masks.mask_store import MadeMask, MaskStore
from visum_evaluation.masks.methods import ALL_METHODS, CRISP, METHODS, make_masks, masks_of
from visum_evaluation.masks.samples import Sample, Samples, class_folders, photographs, planted_scenes
from visum_evaluation.masks.table import method_figures, planted_shares, table, transfer_at_equal_area
from visum_evaluation.masks.variants import overlap
from visum_evaluation.networks import Networks, open_networks
from visum_mask.optimizer import START
from visum_models import Classifier

OTHER_START = START + 1e-3
_EXAMPLES = """\
  visum evaluate masks --model resnet50 --target "golden retriever" --images dogs/ --limit 12
  visum evaluate masks --model resnet50 --all-targets --images photographs/ --cache masks/ --transfer vgg16 --json
  visum evaluate masks --world dev --methods crisp evidence"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate masks`."""
    add_image_flags(parser)
    text = "default: all but crisp_450, which is crisp by the paper's 450 iterations"
    parser.add_argument("--methods", nargs="+", choices=ALL_METHODS, default=list(METHODS), help=text)
    parser.add_argument("--transfer", metavar="MODEL", help="another network of the same classes, a name or file")
    parser.add_argument("--flips", type=int, default=8, help="images whose mirrored view is masked, too (default 8)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep masks there: none is computed twice")
    parser.add_argument("--batch", type=int, default=8, help="views optimized together (default 8)")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="also draw the masks side by side, first images")
    parser.add_argument("--figure-rows", type=int, default=4, help="images in the figure (default 4)")


def add_image_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that name a network and the images that it recognizes."""
    parser.add_argument("--model", help="the network: a name, or a file with a card")
    parser.add_argument("--weights", type=Path, help="its weights file")
    parser.add_argument("--target", help="the class, by name or index")
    parser.add_argument("--all-targets", action="store_true", help="a folder a class: its name, or ID_NAME")
    text = "of all targets only these classes (default: every folder)"
    parser.add_argument("--classes", nargs="+", metavar="NAME", help=text)
    parser.add_argument("--images", type=Path, metavar="DIR", help="the folder of photographs")
    parser.add_argument("--world", choices=("dev", "test"), help="scenes of the demo world instead, with its network")
    parser.add_argument("--limit", type=int, help="so many recognized images a class (of a world: 1)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Makes the masks that are not there yet and measures them."""
    torch.set_num_threads(1)  # as the service does, so that masks do not depend on the machine's load
    check_images(arguments, ("limit", 1), ("batch", 1), ("figure_rows", 1), ("flips", 0))
    with open_networks() as networks:
        return _evaluate(arguments, networks)


def check_images(arguments: argparse.Namespace, *numbers: tuple[str, int]) -> None:
    """Checks which images and network are asked for, and numbers by their name and least value.

    Raises:
        InvalidInputError: They do not go together, or a number is too small.
    """
    if arguments.world is None and not (arguments.model and arguments.images):
        raise InvalidInputError("is needed, with images, unless a world is given", "model")
    if arguments.world is None and bool(arguments.target) == arguments.all_targets:
        raise InvalidInputError("give either a target or all targets", "target")
    if arguments.images is not None and not arguments.images.is_dir():
        raise InvalidInputError(f"{arguments.images} is not a folder", "images")
    for name, least in numbers:
        value = getattr(arguments, name)
        if value is not None and value < least:
            raise InvalidInputError(f"is {value}, must be at least {least}", name)


def _evaluate(arguments: argparse.Namespace, networks: Networks) -> dict[str, Any]:
    model = model_path(arguments.world) if arguments.world else arguments.model
    classifier = networks.load(model, None if arguments.world else arguments.weights)
    other = networks.load(arguments.transfer) if arguments.transfer else None
    if other is not None and other.card.classes != classifier.card.classes:
        raise InvalidInputError("has other classes than the network that is explained", "transfer")
    samples = choose_samples(arguments, classifier)
    if not samples.used:
        raise TooFewImagesError("the network recognizes none of the images", "images")
    store = MaskStore(arguments.cache)
    masks = {name: _told(name, arguments, classifier, samples.used, store) for name in arguments.methods}
    if arguments.figure:
        rows = samples.used[: arguments.figure_rows]
        save_figure(arguments.figure, rows, {name: [mask.raw for mask in found] for name, found in masks.items()})
    return _figures(classifier, other, samples, masks) | _mirrored(arguments, classifier, samples.used, store)


def choose_samples(arguments: argparse.Namespace, classifier: Classifier) -> Samples:
    """The images that the flags name: of a world, of folders of classes, or of one class."""
    if arguments.world:
        return planted_scenes(classifier, arguments.world, arguments.limit)
    if arguments.all_targets:
        return class_folders(classifier, arguments.images, arguments.limit, arguments.classes)
    return photographs(classifier, arguments.images, arguments.target, arguments.limit)


def _told(
    name: str, arguments: argparse.Namespace, classifier: Classifier, samples: Sequence[Sample], store: MaskStore
) -> list[MadeMask]:
    tell(f"masks of {name} for {len(samples)} images")
    return masks_of(name, classifier, samples, store, arguments.batch)


def _figures(
    classifier: Classifier, other: Classifier | None, samples: Samples, masks: dict[str, list[MadeMask]]
) -> dict[str, Any]:
    result: dict[str, Any] = {"images": len(samples.used), "skipped": samples.skipped, "failed": samples.failed}
    result["methods"] = {name: method_figures(classifier, samples.used, m, other) for name, m in masks.items()}
    if any(sample.planted for sample in samples.used):
        result["planted"] = {name: planted_shares(samples.used, m) for name, m in masks.items()}
    if other is not None and "evidence" in masks:
        result["transfer_at_equal_area"] = transfer_at_equal_area(other, samples.used, masks, "evidence")
    return result


def _mirrored(
    arguments: argparse.Namespace, classifier: Classifier, samples: Sequence[Sample], store: MaskStore
) -> dict[str, Any]:
    """How far crisp masks of mirrored views, and of another start, agree with the masks; None without any."""
    chosen = samples[: arguments.flips]
    if not chosen or "crisp" not in arguments.methods:
        return {"flip_iou": None, "start_iou": None}
    mirrored = [replace(sample, view=np.ascontiguousarray(sample.view[:, ::-1])) for sample in chosen]
    usual = make_masks(classifier, chosen, CRISP, store, arguments.batch)
    flipped = make_masks(classifier, mirrored, CRISP, store, arguments.batch)
    restarted = make_masks(classifier, chosen, CRISP, store, arguments.batch, OTHER_START)
    return {
        "flip_iou": float(np.mean([overlap(a.binary, b.binary[:, ::-1]) for a, b in zip(usual, flipped, strict=True)])),
        "start_iou": float(np.mean([overlap(a.binary, b.binary) for a, b in zip(usual, restarted, strict=True)])),
    }


MASKS = Command("masks", "drops, areas and faithfulness of masks of every method", _EXAMPLES, configure, run, table)
