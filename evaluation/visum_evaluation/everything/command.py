"""`visum evaluate all`: the paper's experiments over runs that are made once, and its figures beside them."""

import argparse
import os
from pathlib import Path
from typing import Any

from visum_client.commands.command import Command, add_services_flag, open_client
from visum_client.commands.run import parse_options
from visum_client.errors import InvalidInputError
from visum_evaluation.across_networks.command import NETWORKS
from visum_evaluation.coherency.command import COHERENCY
from visum_evaluation.everything.class_runs import ClassRuns, Network, Subject, make_runs
from visum_evaluation.everything.paper import read_paper
from visum_evaluation.everything.side_by_side import side_by_side, write_page
from visum_evaluation.everything.steps import Step, run_step
from visum_evaluation.masks.command import MASKS
from visum_evaluation.masks.samples import folder_of
from visum_evaluation.specialization.command import COMMAND as SPECIALIZATION

PAGE = "reproduction.md"
TABLE_2 = ("crisp", "iebb", "iebb_thresh")
"""The methods whose masks the paper compares."""
_EXAMPLES = """\
  visum evaluate all --images imagenet/val --networks alexnet vgg16 googlenet resnet50 --limit 100 --out paper
  visum evaluate all --images photographs/ --classes albatross dalmatian --networks vgg16 mine.pt2 --limit 20
  visum evaluate all ... (the same command again)   goes on where it was"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate all`."""
    add = parser.add_argument
    add("--images", type=Path, required=True, metavar="DIR", help="photographs, a folder a class: its name, or ID_NAME")
    text = "networks of the same classes, each a name of torchvision's, NAME=FILE with its weights, or a file (.pt2); "
    text += "the first is the one that is explained where the paper explains one"
    add("--networks", nargs="+", required=True, metavar="NETWORK", help=text)
    text = "classes (default: the paper's 18)"
    add("--classes", nargs="+", metavar="NAME", default=list(read_paper().classes), help=text)
    add("--limit", type=int, metavar="N", help="take the first N images of each class (default: all)")
    add("--mask-images", type=int, default=4, help="recognized images a class whose masks are compared (default: 4)")
    text = "network that tags images, another than the first (default: the last of the networks)"
    add("--tagger", metavar="NETWORK", help=text)
    add("--tags", nargs="+", metavar="FILE", default=[], help="files that people downloaded from the runs' reports")
    add("--test", type=Path, metavar="DIR", help="images to test specialized classifiers on, a folder a class")
    text = "more images to train and tune them on, a folder a class"
    add("--data", type=Path, metavar="DIR", help=text)
    text = "top-1 accuracies of networks, each 0..1 (default: the share of the images that a network recognizes)"
    add("--accuracy", nargs="+", default=[], metavar="NAME=VALUE", help=text)
    add("--option", action="append", default=[], metavar="STEP.NAME=VALUE", help="as `visum run` takes it")
    add(
        "--out",
        type=Path,
        default=Path("runs/paper"),
        metavar="DIR",
        help="folder of all that is made (default: %(default)s)",
    )
    add_services_flag(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Makes the runs, goes through the experiments and writes the page; returns its rows and all results."""
    networks = [Network.parse(text) for text in arguments.networks]
    steps = parse_options(arguments.option)
    subject = Subject(networks, arguments.classes, arguments.images, arguments.limit, steps)
    with open_client(arguments, dict(os.environ)) as client:
        runs = make_runs(client, subject, arguments.out)
    if not runs.of(networks[0]):
        raise InvalidInputError(f"{networks[0].name} has no run of any class", "networks")
    results = {step.name: run_step(step, arguments.out) for step in _steps(arguments, networks, runs)}
    rows = side_by_side(read_paper(), results)
    write_page(arguments.out / PAGE, subject, runs, rows)
    return {"page": str(arguments.out / PAGE), "rows": rows, "results": results}


def show(result: dict[str, Any]) -> str:
    """What the paper says and what was measured."""
    lines = [f"{row['where']}\n  paper: {row['paper']}\n  here:  {row['measured']}" for row in result["rows"]]
    return "\n".join([*lines, f"page: {result['page']}"])


def _steps(arguments: argparse.Namespace, networks: list[Network], runs: ClassRuns) -> list[Step]:
    """The experiments that can be made with what is given."""
    out, first = arguments.out, networks[0]
    photographs = ["--all-targets", "--images", str(arguments.images), "--classes", *arguments.classes]
    count = ["--limit", str(arguments.mask_images)]
    kept = ["--cache", str(out / "masks"), "--figure", str(out / "masks.jpg")]
    words = [*first.flags(), *photographs, *count, *kept, "--methods", *TABLE_2]
    folders = [folder_of(name, arguments.images) for name in arguments.classes]
    steps = [Step("masks", MASKS, words, [*first.files, *folders])]
    of_first = [Path(folder) for folder in runs.of(first)]
    if tagger := _tagger(arguments, networks):
        words = ["--runs", *runs.of(first), *tagger.flags("--tagger", "--tagger-weights")]
        for kind in ("images", "parts"):
            figure = ["--figure", str(out / f"coherency-{kind}.svg")]
            asked = [*words, "--on", kind, *figure]
            steps.append(Step(f"coherency-{kind}", COHERENCY, asked, [*of_first, *tagger.files]))
    if arguments.tags:
        steps.append(Step("people", COHERENCY, ["--tags", *arguments.tags], list(map(Path, arguments.tags))))
    if runs.common:
        accuracy = ["--accuracy", *arguments.accuracy] if arguments.accuracy else []
        words = ["--runs", *runs.common, *accuracy, "--figure", str(out / "networks.svg")]
        steps.append(Step("networks", NETWORKS, words, list(map(Path, runs.common))))
    if arguments.test:
        data = ["--data", str(arguments.data)] if arguments.data else []
        words = ["--runs", *runs.of(first), *first.file_flags, "--test", str(arguments.test), *data]
        given = [path for path in (arguments.test, arguments.data) if path]
        steps.append(Step("specialization", SPECIALIZATION, words, [*of_first, *first.files, *given]))
    return steps


def _tagger(arguments: argparse.Namespace, networks: list[Network]) -> Network | None:
    if arguments.tagger:
        return Network.parse(arguments.tagger)
    return networks[-1] if len(networks) > 1 else None


ALL = Command("all", "all of the paper's experiments over the same runs", _EXAMPLES, configure, run, show)
