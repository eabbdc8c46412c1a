"""Class runs in a cluster: submitted, looked at, cancelled, fetched."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visum_client.errors import InvalidInputError, NotFoundError, VisumError
from visum_client.kube.cluster import Cluster
from visum_client.kube.job import RUNS_LABEL, Order, Placement, class_run_job, order_of
from visum_client.kube.object_store import download_folder

STATES = ("complete", "failed", "running", "waiting")
"""What a class run can be."""
_INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
_SILENCE_SECONDS = 60.0


@dataclass(frozen=True)
class ClassRun:
    """One class of a Job."""

    index: int
    target: str
    state: str
    """One of STATES."""
    out: str
    """Where its run folder is, or will be."""


@dataclass(frozen=True)
class JobStatus:
    """Class runs that were submitted together."""

    name: str
    runs: tuple[ClassRun, ...]
    finished: bool
    """True when no class will be run any more."""

    def count(self, state: str) -> int:
        """How many class runs are in a state."""
        return sum(run.state == state for run in self.runs)

    def to_json(self) -> dict[str, Any]:
        """The status as `--json` prints it."""
        counts = {state: self.count(state) for state in STATES}
        return {"name": self.name, "finished": self.finished, **counts, "runs": [asdict(run) for run in self.runs]}


def submit(cluster: Cluster, name: str, order: Order, placement: Placement | None = None) -> None:
    """Creates the Job that runs the classes.

    Raises:
        PreconditionError: There is a Job of that name.
        InvalidInputError: The name is not one that Kubernetes takes.
        VisumError: The cluster refuses.
    """
    cluster.call(cluster.jobs.create_namespaced_job, body=class_run_job(name, order, placement or Placement()))


def status(cluster: Cluster, name: str) -> JobStatus:
    """The state of each class run. Raises NotFoundError where there is no such Job."""
    return _status(cluster, cluster.call(cluster.jobs.read_namespaced_job, name))


def all_statuses(cluster: Cluster) -> list[JobStatus]:
    """The state of all class runs, the latest Job first."""
    jobs = cluster.call(cluster.jobs.list_namespaced_job, label_selector=RUNS_LABEL).items
    latest = sorted(jobs, key=lambda job: job.metadata.creation_timestamp, reverse=True)
    return [_status(cluster, job) for job in latest]


def until_finished(cluster: Cluster, name: str, silence_seconds: float = _SILENCE_SECONDS) -> Iterator[JobStatus]:
    """The state of the class runs, now and whenever it changes, until they are finished.

    Raises:
        NotFoundError: There is no such Job, or it was removed meanwhile.
    """
    for job in cluster.follow(cluster.jobs.list_namespaced_job, name, silence_seconds=silence_seconds):
        if job is None:
            raise NotFoundError(f"there is no Job {name}", "name")
        found = _status(cluster, job)
        yield found
        if found.finished:
            return


def logs(cluster: Cluster, name: str, index: int, *, follow: bool = False) -> Iterator[str]:
    """The lines that a class run logged last, and with `follow` those to come.

    Raises:
        NotFoundError: It has no pod, or no more.
    """
    pods = [pod for pod in _pods(cluster, name) if _index(pod) == index]
    if not pods:
        raise NotFoundError(f"class run {index} of {name} has no pod", "index")
    latest = max(pods, key=lambda pod: pod.metadata.creation_timestamp)
    options: dict[str, Any] = {"follow": follow, "_preload_content": False}
    if follow:
        options["_request_timeout"] = None
    response = cluster.call(cluster.pods.read_namespaced_pod_log, latest.metadata.name, **options)
    rest = b""
    for chunk in response.stream():
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in lines)
    if rest:
        yield rest.decode("utf-8", "replace")


def cancel(cluster: Cluster, name: str) -> None:
    """Removes the Job; its pods save what they have finished. Raises NotFoundError where there is no such Job."""
    cluster.call(cluster.jobs.delete_namespaced_job, name, propagation_policy="Background")


def fetch(cluster: Cluster, name: str, out: Path, index: int | None = None) -> list[Path]:
    """Copies the run folders of complete classes from the object store.

    Args:
        cluster: Where they were run.
        name: The Job.
        out: The folder that gets them.
        index: One class; None: all that are complete.

    Returns:
        The run folders.

    Raises:
        NotFoundError: There is no such Job.
        InvalidInputError: There is no such class run.
        VisumError: The class run asked for is not complete, or the object store refuses.
    """
    job = cluster.call(cluster.jobs.read_namespaced_job, name)
    order, runs = _order(cluster, job), _status(cluster, job).runs
    if index is not None and not 0 <= index < len(runs):
        raise InvalidInputError(f"is {index}; the class runs of {name} are 0..{len(runs) - 1}", "index")
    if index is not None and runs[index].state != "complete":
        raise VisumError(f"class run {index} of {name} is {runs[index].state}, not complete")
    wanted = [run for run in runs if run.state == "complete" and index in (None, run.index)]
    folders = [out / order.folder_of(run.index) for run in wanted]
    for run, folder in zip(wanted, folders, strict=True):
        download_folder(run.out, folder)
    return folders


def _status(cluster: Cluster, job: Any) -> JobStatus:
    order = _order(cluster, job)
    complete, failed = _indices(job.status.completed_indexes), _indices(job.status.failed_indexes)
    finished = any(entry.type in ("Complete", "Failed") and entry.status == "True" for entry in _conditions(job))
    running = set() if finished else _running(cluster, job.metadata.name)

    def state(index: int) -> str:
        if index in complete:
            return "complete"
        if index in failed or finished:
            return "failed"
        return "running" if index in running else "waiting"

    runs = [ClassRun(index, target, state(index), order.out_of(index)) for index, target in enumerate(order.targets)]
    return JobStatus(job.metadata.name, tuple(runs), finished)


def _order(cluster: Cluster, job: Any) -> Order:
    return order_of(cluster.api.sanitize_for_serialization(job))


def _conditions(job: Any) -> list[Any]:
    return job.status.conditions or []


def _running(cluster: Cluster, name: str) -> set[int]:
    return {_index(pod) for pod in _pods(cluster, name) if pod.status.phase == "Running"}


def _pods(cluster: Cluster, name: str) -> list[Any]:
    pods = cluster.call(cluster.pods.list_namespaced_pod, label_selector=f"batch.kubernetes.io/job-name={name}").items
    return [pod for pod in pods if _INDEX_LABEL in pod.metadata.labels]


def _index(pod: Any) -> int:
    return int(pod.metadata.labels[_INDEX_LABEL])


def _indices(text: str | None) -> set[int]:
    """Reads indices as Kubernetes writes them: 0,3-5."""
    found: set[int] = set()
    for span in filter(None, (text or "").split(",")):
        first, _, last = span.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
