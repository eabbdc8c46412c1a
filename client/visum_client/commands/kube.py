"""`visum kube`: class runs as Jobs of a Kubernetes cluster, and services that scale."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visum_client.commands.command import Command, CommandGroup, tell
from visum_client.kube import load

_NAMESPACE = "visum"
_Run = Callable[[argparse.Namespace], dict[str, Any]]


def _cluster(arguments: argparse.Namespace) -> Any:
    return load("cluster").Cluster.connect(arguments.namespace, arguments.context)


def _add_cluster_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--namespace", default=_NAMESPACE, help="namespace of the services (default: %(default)s)")
    parser.add_argument("--context", help="context of the kubeconfig (default: the current one)")


def _add_job_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="name of the Job, as given to `visum kube submit`")
    _add_cluster_flags(parser)


def configure_submit(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum kube submit`."""
    add = parser.add_argument
    add("name", metavar="NAME", help="name of the Job")
    add("--model", required=True, help="name of a network that the mask service has")
    add("--target", required=True, action="append", help="name or index of a class; may be repeated, one index each")
    add("--images", required=True, help="URI of a folder of images or a glob; {target} stands for the class")
    add("--out", required=True, help="URI of the folder that gets the run folders")
    add("--limit", type=int, metavar="N", help="take the first N images of each class")
    add("--admit-unrecognized", action="store_true", help="let images take part whose best class is another")
    add("--option", action="append", default=[], metavar="STEP.NAME=VALUE", help="as of `visum run`")
    add("--parallelism", type=int, default=4, metavar="N", help="classes run at once (default: %(default)s)")
    add("--image", help="image of the client (default: visum-client of this version)")
    add("--memory", default="2Gi", help="memory of a class run (default: %(default)s)")
    add("--disk", default="10Gi", help="disk of a class run (default: %(default)s)")
    text = "Secrets NAME-tls and NAME-token that class runs show to the services (default: visum-client)"
    add("--credentials", metavar="NAME", help=text)
    add("--wait", action="store_true", help="wait until all classes are finished; exit code 1 where one failed")
    _add_cluster_flags(parser)


def run_submit(arguments: argparse.Namespace) -> dict[str, Any]:
    """Creates the Job; with --wait, waits for it."""
    job, class_runs = load("job"), load("class_runs")
    order = job.Order(
        model=arguments.model,
        targets=tuple(arguments.target),
        images=arguments.images,
        out=arguments.out,
        limit=arguments.limit,
        admit_unrecognized=arguments.admit_unrecognized,
        options=tuple(arguments.option),
    )
    chosen = {name: getattr(arguments, name) for name in ("image", "credentials") if getattr(arguments, name)}
    placement = job.Placement(parallelism=arguments.parallelism, memory=arguments.memory, disk=arguments.disk, **chosen)
    cluster = _cluster(arguments)
    class_runs.submit(cluster, arguments.name, order, placement)
    return _waited(cluster, arguments.name) if arguments.wait else _found(class_runs.status(cluster, arguments.name))


def configure_status(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum kube status`."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="name of the Job (default: all)")
    parser.add_argument("--wait", action="store_true", help="wait until all classes of the Job are finished")
    _add_cluster_flags(parser)


def run_status(arguments: argparse.Namespace) -> dict[str, Any]:
    """The states of class runs."""
    class_runs, cluster = load("class_runs"), _cluster(arguments)
    if arguments.name is None:
        return {"jobs": [found.to_json() for found in class_runs.all_statuses(cluster)]}
    if arguments.wait:
        return _waited(cluster, arguments.name)
    return _found(class_runs.status(cluster, arguments.name))


def configure_logs(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum kube logs`."""
    _add_job_flags(parser)
    parser.add_argument("--index", type=int, default=0, help="index of the class (default: %(default)s)")
    parser.add_argument("--follow", action="store_true", help="go on with what is logged from now on")


def run_logs(arguments: argparse.Namespace) -> dict[str, Any]:
    """The log of a class run; printed as it comes, unless as JSON."""
    class_runs, cluster = load("class_runs"), _cluster(arguments)
    lines = class_runs.logs(cluster, arguments.name, arguments.index, follow=arguments.follow)
    if arguments.json:
        return {"lines": list(lines)}
    for line in lines:
        print(line, flush=True)
    return {}


def run_cancel(arguments: argparse.Namespace) -> dict[str, Any]:
    """Removes the Job."""
    load("class_runs").cancel(_cluster(arguments), arguments.name)
    return {"cancelled": arguments.name}


def configure_fetch(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum kube fetch`."""
    _add_job_flags(parser)
    parser.add_argument("--out", required=True, type=Path, help="the folder that gets the run folders")
    parser.add_argument("--index", type=int, help="index of one class (default: all that are complete)")


def run_fetch(arguments: argparse.Namespace) -> dict[str, Any]:
    """Copies run folders from the object store."""
    found = load("class_runs").fetch(_cluster(arguments), arguments.name, arguments.out, arguments.index)
    return {"runs": [str(folder) for folder in found]}


def configure_scale(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum kube scale`."""
    parser.add_argument("replicas", nargs="+", metavar="SERVICE=NUMBER", help="as mask=8")
    parser.add_argument("--wait", action="store_true", help="wait until they are ready")
    _add_cluster_flags(parser)


def run_scale(arguments: argparse.Namespace) -> dict[str, Any]:
    """Sets the replicas of services."""
    scaling = load("scaling")
    replicas, cluster = scaling.parse_replicas(arguments.replicas), _cluster(arguments)
    before = scaling.scale(cluster, replicas)
    if arguments.wait:
        scaling.wait_until_ready(cluster, replicas)
    return {"before": before, "now": replicas}


def _waited(cluster: Any, name: str) -> dict[str, Any]:
    shown = None
    for found in load("class_runs").until_finished(cluster, name):
        result = _found(found)
        if (line := _counts(result)) != shown:
            tell(shown := line)
    return result | {"exit_code": 1 if result["failed"] else 0}


def _found(status: Any) -> dict[str, Any]:
    result: dict[str, Any] = status.to_json()
    return result


def _counts(status: dict[str, Any]) -> str:
    states = ("complete", "running", "waiting", "failed")
    return f"{status['name']}: {', '.join(f'{status[state]} {state}' for state in states if status[state])}"


def show_status(result: dict[str, Any]) -> str:
    """The states, for people."""
    jobs = result.get("jobs", [result])
    lines = []
    for job in jobs:
        lines.append(_counts(job))
        lines += [f"  {run['index']:4} {run['state']:<8} {run['target']}  {run['out']}" for run in job["runs"]]
    return "\n".join(lines) or "no class runs were submitted"


def show_fetched(result: dict[str, Any]) -> str:
    """The run folders, one a line."""
    return "\n".join(result["runs"]) or "no class run is complete"


def show_scaled(result: dict[str, Any]) -> str:
    """Replicas before and now."""
    return "\n".join(f"{name}: {before} -> {result['now'][name]}" for name, before in result["before"].items())


def _command(name: str, summary: str, examples: str, configure: Any, run: _Run, show: Any = json.dumps) -> Command:
    return Command(
        name, summary, "\n".join(f"  visum kube {name} {line}" for line in examples.split("\n")), configure, run, show
    )


GROUP = CommandGroup(
    "kube",
    "run classes as Jobs of a Kubernetes cluster, and scale its services",
    (
        _command(
            "submit",
            "create a Job that runs classes inside the cluster, one an index",
            "birds --model resnet50 --target jay --target robin --images s3://photos/{target}/ --out s3://runs/birds",
            configure_submit,
            run_submit,
            show_status,
        ),
        _command(
            "status",
            "show the class runs of a Job, or of all",
            "\nbirds --wait",
            configure_status,
            run_status,
            show_status,
        ),
        _command("logs", "print what a class run logged", "birds --index 1 --follow", configure_logs, run_logs),
        _command(
            "cancel",
            "remove a Job; what is finished is kept",
            "birds",
            _add_job_flags,
            run_cancel,
            lambda found: f"{found['cancelled']} is cancelled",
        ),
        _command(
            "fetch",
            "copy run folders from the object store",
            "birds --out runs/birds",
            configure_fetch,
            run_fetch,
            show_fetched,
        ),
        _command(
            "scale",
            "set the replicas of services",
            "mask=8 --wait\nmask=1 proposals=1",
            configure_scale,
            run_scale,
            show_scaled,
        ),
    ),
)
