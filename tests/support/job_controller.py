"""What a cluster does with an Indexed Job: here each index is a process of this machine that runs the Job's command."""

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.support.kubernetes_api import KubernetesApi, Object

_SECONDS = 240


class JobController:
    """Runs the pods of Jobs one after another, as soon as a Job is created."""

    def __init__(self, api: KubernetesApi, folder: Path, environment: Mapping[str, str]) -> None:
        self._api = api
        self._folder = folder
        self._environment = dict(environment)
        self._threads: list[threading.Thread] = []
        api.changed = self._changed

    def join(self) -> None:
        """Waits for all pods."""
        for thread in self._threads:
            thread.join()

    def _changed(self, resource: str, found: Object) -> None:
        if resource == "jobs" and not found["status"]:
            thread = threading.Thread(target=self._run, args=(found,))
            self._threads.append(thread)
            thread.start()

    def _run(self, job: Object) -> None:
        name, ended = job["metadata"]["name"], {0: [], 1: []}
        for index in range(job["spec"]["completions"]):
            code = self._run_pod(job, index)
            ended[1 if code else 0].append(str(index))
            found = {"completedIndexes": ",".join(ended[0]), "failedIndexes": ",".join(ended[1])}
            self._api.change("jobs", name, status=found)
        kind = "Failed" if ended[1] else "Complete"
        condition = {"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        self._api.change("jobs", name, status={"conditions": [condition]})

    def _run_pod(self, job: Object, index: int) -> int:
        template = job["spec"]["template"]
        (container,) = template["spec"]["containers"]
        pod = f"{job['metadata']['name']}-{index}"
        put_pod(self._api, job["metadata"]["name"], index, "Running", template)
        work = self._folder / pod
        work.mkdir()
        variables = {entry["name"]: entry["value"] for entry in container["env"]}
        done = subprocess.run(
            [sys.executable, *container["command"][1:], "--folder", str(work)],
            env=self._environment | variables | {"JOB_COMPLETION_INDEX": str(index)},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        self._api.logs[pod] = done.stderr.splitlines()
        self._api.change("pods", pod, status={"phase": "Failed" if done.returncode else "Succeeded"})
        return done.returncode


def put_pod(api: KubernetesApi, job: str, index: int, phase: str, template: Object) -> None:
    """Adds the pod of an index."""
    labels = template["metadata"]["labels"] | {
        "batch.kubernetes.io/job-name": job,
        "batch.kubernetes.io/job-completion-index": str(index),
    }
    metadata = {"name": f"{job}-{index}", "labels": labels}
    api.put("pods", {"metadata": metadata, "spec": template["spec"], "status": {"phase": phase}})
