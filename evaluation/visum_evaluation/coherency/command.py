"""`visum evaluate coherency`: whether summaries mean one thing, by the tags of people or of a tagger."""

import argparse
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from visum_client import Run
from visum_client.commands.command import Command, tell
from visum_client.errors import InvalidInputError
from visum_client.tags import Tags, read_files
from visum_client.tracking import log_coherency
from visum_client.tracking.library import require_tracker
from visum_evaluation.coherency.agreement import measure_coherency
from visum_evaluation.coherency.clip_tagger import ClipTagger, OpenClip, read_nouns
from visum_evaluation.coherency.figure import save_figure
from visum_evaluation.coherency.semantics import Semantics, compare
from visum_evaluation.coherency.tables import show
from visum_evaluation.coherency.tagged_runs import IMAGES, PARTS, measure_run
from visum_evaluation.coherency.taggers import FileTagger, NetworkTagger, Tagger
from visum_evaluation.coherency.wordnet import WordNet
from visum_evaluation.networks import open_networks

_EXAMPLES = """\
  visum evaluate coherency --tags anna.json ben.json cleo.json
  visum evaluate coherency --runs runs/dogs runs/birds --tagger resnet50
  visum evaluate coherency --runs runs/* --tag-file tags.csv --wordnet /usr/share/wordnet --json
  visum evaluate coherency --runs runs/* --clip ViT-B-32 --clip-weights vit_b_32.safetensors --nouns nouns.txt"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate coherency`."""
    add = parser.add_argument
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "--tags",
        nargs="+",
        metavar="FILE",
        help="files downloaded from reports, one a person and class; of one class or several",
    )
    given.add_argument("--runs", nargs="+", type=Path, metavar="RUN", help="run folders, whose images are tagged")
    add("--tagger", metavar="MODEL", help="tag by the eight best classes of this network, another than the explained")
    add("--tagger-weights", type=Path, metavar="FILE", help="its weights file, where it is named")
    add("--tag-file", type=Path, metavar="FILE", help="take the tags of images from a CSV or JSON file instead")
    text = "tag by this network of OpenCLIP, as ViT-B-32, with --clip-weights and --nouns"
    add("--clip", metavar="NAME", help=text)
    add("--clip-weights", type=Path, metavar="FILE", help="its weights file")
    add("--nouns", type=Path, metavar="FILE", help="the nouns it chooses from, one a line")
    text = "fuse synonyms of the file, or of the nouns, by this WordNet database"
    add("--wordnet", type=Path, metavar="DIR", help=text)
    add("--on", choices=(IMAGES, PARTS), default=IMAGES, help="what a network tags (default: whole images)")
    text = "with --runs: also draw the distances of each class, as SVG (paper, figure 4)"
    add("--figure", type=Path, metavar="FILE", help=text)
    text = "add the agreement of people as the metric coherency to the runs in MLflow of these summaries"
    add("--mlflow", action="store_true", help=text)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Reads the files or tags the runs; returns the figures of each class."""
    if arguments.tags:
        if arguments.figure:
            raise InvalidInputError("is for runs", "figure")
        return _of_people(arguments)
    _check(arguments)
    return _of_tagger(arguments)


def _of_people(arguments: argparse.Namespace) -> dict[str, Any]:
    require_tracker("mlflow" if arguments.mlflow else None)
    by_run: dict[str, list[Tags]] = {}
    for tags in read_files(arguments.tags):
        by_run.setdefault(tags.run, []).append(tags)
    found = {digest: measure_coherency(files) for digest, files in by_run.items()}
    if arguments.mlflow:
        for digest, coherency in found.items():
            if coherency.mu_u is not None:
                tell(f"coherency of {log_coherency(digest, coherency.mu_u)} runs in MLflow")
    return {"classes": [asdict(coherency) for coherency in found.values()]}


def _of_tagger(arguments: argparse.Namespace) -> dict[str, Any]:
    with ExitStack() as stack:
        tagger = _tagger(arguments, stack)
        found = [(Run.load(folder), _measured(folder, tagger, arguments)) for folder in arguments.runs]
    classes = [_named(run) | (semantics.figures() if semantics else {}) for run, semantics in found]
    if arguments.figure:
        save_figure(arguments.figure, classes)
    known = [semantics for _, semantics in found if semantics]
    mean = compare(fmean(one.mu_s for one in known), np.mean([one.samples for one in known], axis=0)) if known else None
    return {"on": arguments.on, "fusing": tagger.fusing, "classes": classes, "mean": mean}


def _check(arguments: argparse.Namespace) -> None:
    if arguments.mlflow:
        raise InvalidInputError("is for the tags of people", "mlflow")
    if sum(map(bool, (arguments.tagger, arguments.tag_file, arguments.clip))) != 1:
        raise InvalidInputError("give a network, a file of tags or a network of OpenCLIP", "tagger")
    if arguments.clip and not (arguments.clip_weights and arguments.nouns):
        raise InvalidInputError("needs clip_weights and nouns", "clip")
    if arguments.tag_file and arguments.on == PARTS:
        raise InvalidInputError("a file has tags of whole images", "on")
    if arguments.wordnet and arguments.tagger:
        raise InvalidInputError("is for tags that are words: the classes of a network need no fusing", "wordnet")


def _tagger(arguments: argparse.Namespace, stack: ExitStack) -> Tagger:
    wordnet = WordNet.read(arguments.wordnet) if arguments.wordnet else None
    if arguments.tag_file:
        return FileTagger.read(arguments.tag_file, wordnet)
    if arguments.clip:
        nouns = read_nouns(arguments.nouns)
        return ClipTagger.of(OpenClip.read(arguments.clip, arguments.clip_weights), nouns, wordnet)
    networks = stack.enter_context(open_networks())
    return NetworkTagger(networks.load(arguments.tagger, arguments.tagger_weights))


def _measured(folder: Path, tagger: Tagger, arguments: argparse.Namespace) -> Semantics | None:
    run = Run.load(folder)
    if isinstance(tagger, NetworkTagger) and tagger.classifier.card.sha256 == run.configuration["model"]["sha256"]:
        raise InvalidInputError(f"is the network that {folder} explains: take another", "tagger")
    tell(f"tags of {folder}")
    return measure_run(run, tagger, arguments.on)


def _named(run: Run) -> dict[str, Any]:
    return {"model": run.configuration["model"]["name"], "target": run.configuration["target"]["name"]}


COHERENCY = Command(
    "coherency",
    "measure how alike the tags of a summary are, of people or of a tagger",
    _EXAMPLES,
    configure,
    run,
    show,
)
