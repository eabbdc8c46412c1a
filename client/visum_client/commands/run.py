"""`visum run`: the visual summaries of a class."""

import argparse
import os
from pathlib import Path
from typing import Any

from visum_client.async_client import RunOptions
from visum_client.class_folders import ClassRun
from visum_client.commands.command import Command, add_services_flag, open_client
from visum_client.errors import InvalidInputError
from visum_client.options import OPTIONS, Options
from visum_client.records import STATUSES
from visum_client.report.wording import percent
from visum_client.run import Run

_EXAMPLES = """\
  visum run --model resnet50 --target "golden retriever" --images dogs/ --out runs/dogs
  visum run --model squeezenet1_1 --weights squeezenet1_1.pth --target 207 --images 'dogs/*.jpg' --out runs/dogs
  visum run --model mine.pt2 --target cat --images cats.txt --out runs/cats --option clustering.min_images=5
  visum run --model resnet50 --target "golden retriever" --images s3://bucket/dogs/ --out runs/dogs --cache cache/
  visum run --model resnet50 --all-targets --images photos/ --out runs/     photos/beagle/, photos/tabby/, ...
  visum run ... (the same command again)   goes on with a run that was interrupted"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum run`."""
    add = parser.add_argument
    add("--model", required=True, help="name of a torchvision network, or a file (.pt2, .pth)")
    add("--weights", help="weights file of the network (default: its standard weights)")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--target", help="name or index of the class")
    text = "run every class of a folder of folders, each named after a class (the layout of ImageFolder)"
    target.add_argument("--all-targets", action="store_true", help=text)
    text = "a folder, a glob, a .txt file with a path a line, or several files; also as s3:// or gs:// URIs"
    add("--images", required=True, nargs="+", help=text)
    text = "the run folder (of --all-targets: the folder of run folders); the same command again goes on where it was"
    add("--out", required=True, type=Path, help=text)
    add("--limit", type=int, metavar="N", help="take the first N images")
    add("--admit-unrecognized", action="store_true", help="let images take part whose best class is another")
    add("--overwrite", action="store_true", help="start anew in a used folder (removes only what visum made)")
    add("--keep-work", action="store_true", help="keep the services' answers in the run folder")
    add("--cache", type=Path, metavar="DIR", help="folder of masks and proposals that runs share")
    add("--option", action="append", default=[], metavar="STEP.NAME=VALUE", help=_option_help())
    add("--progress", action=argparse.BooleanOptionalAction, help="draw progress bars (default: on a terminal)")
    text = "log the run to MLflow when it is complete (MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME)"
    add("--mlflow", action="store_true", help=text)
    add_services_flag(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Makes the run, or a run a class; returns their figures."""
    options: RunOptions = {
        "limit": arguments.limit,
        "admit_unrecognized": arguments.admit_unrecognized,
        "overwrite": arguments.overwrite,
        "keep_work": arguments.keep_work,
        "cache": arguments.cache,
        "progress": arguments.progress,
        "tracker": "mlflow" if arguments.mlflow else None,
        **parse_options(arguments.option),  # type: ignore[typeddict-item]
    }
    network = {"model": arguments.model, "weights": arguments.weights, "out": arguments.out}
    images = arguments.images[0] if len(arguments.images) == 1 else arguments.images
    if arguments.all_targets and not isinstance(images, str):
        raise InvalidInputError("is several: --all-targets takes one folder of folders", "images")
    with open_client(arguments, dict(os.environ)) as client:
        if not arguments.all_targets:
            return _figures(client.summarize(**network, target=arguments.target, images=images, **options))
        runs = client.summarize_all(**network, images=images, **options)
    return {"runs": [_class_figures(found) for found in runs], "exit_code": int(any(found.error for found in runs))}


def show(figures: dict[str, Any]) -> str:
    """The figures of a run, or of the runs of all classes, for people."""
    if "runs" in figures:
        return "\n\n".join(f"{found['folder']}: {_outcome(found)}" for found in figures["runs"])
    used, total = figures["images"]["used"], sum(figures["images"].values())
    lines = [f"{used} of {total} images take part; {len(figures['summaries'])} summaries"]
    for summary in figures["summaries"]:
        lines.append(f"  {summary['id']}: in {summary['images']} images, drop {percent(summary['drop'])} when blurred")
    return "\n".join([*lines, f"report: {figures['report']}"])


def parse_options(texts: list[str]) -> dict[str, Any]:
    """Options of the steps from texts as `clustering.min_images=5`.

    Raises:
        InvalidInputError: Not of that form, or a step, name or value is wrong.
    """
    values: dict[str, dict[str, str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        step, dot, field = name.partition(".")
        if not (equals and dot) or step not in OPTIONS:
            form = f"STEP.NAME=VALUE with a step of {', '.join(OPTIONS)}"
            raise InvalidInputError(f"{text!r} is not of the form {form}", "option")
        values.setdefault(step, {})[field] = value
    return {step: OPTIONS[step].with_texts(fields) for step, fields in values.items()}


def _figures(result: Run) -> dict[str, Any]:
    counts = {status: sum(image.status == status for image in result.images) for status in STATUSES}
    summaries = [
        {"id": summary.id, "images": summary.images, "drop": summary.drop, "ssim": summary.ssim}
        for summary in result.summaries
    ]
    return {
        "run": str(result.path),
        "status": result.status,
        "report": str(result.report),
        "images": counts,
        "summaries": summaries,
        "stages": result.stages,
    }


def _class_figures(found: ClassRun) -> dict[str, Any]:
    outcome = _figures(found.run) if found.run else {"error": str(found.error)}
    return {"folder": found.name, "target": found.target, **outcome}


def _outcome(found: dict[str, Any]) -> str:
    return str(found["error"]) if "error" in found else show(found)


def _option_help() -> str:
    names = "; ".join(f"{step}: {', '.join(_names(kind))}" for step, kind in OPTIONS.items())
    return f"set an option of a step; may be repeated. {names}"


def _names(kind: type[Options[Any]]) -> list[str]:
    return [name for name in kind.__annotations__ if name not in ("step", "message")]


COMMAND = Command("run", "find the visual summaries of a class", _EXAMPLES, configure, run, show)
