"""A server as a child process, which ends with this process, however it ends."""

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visum_client.errors import ServiceUnavailableError, VisumError

_SERVER_VARIABLES = "VISUM_SERVER_"
_LOG_TAIL_LINES = 8
_LOG_TAIL_BYTES = 8192
_READ_BYTES = 1 << 16
_STEADY_SECONDS = 60.0
"""A server that ran for so long does not die of what ended it before."""

_log = logging.getLogger("visum_client")


@dataclass(frozen=True)
class ChildLimits:
    """Patience with a child process.

    Raises:
        ValueError: A value is out of range.
    """

    start_seconds: float = 120.0
    """Longest wait for it to start."""
    stop_seconds: float = 10.0
    """Longest wait for it to end before it is killed."""
    starts: int = 3
    """How often it is started at a time, where it is killed before it is ready."""
    restarts: int = 50
    """How often in a row it is started again after it died; one that answered, or ran for a minute, has begun anew."""

    def __post_init__(self) -> None:
        if not (self.start_seconds > 0 and self.stop_seconds >= 0 and self.starts >= 1 and self.restarts >= 0):
            raise ValueError("start_seconds and starts must be positive, stop_seconds and restarts not negative")


class ChildServer:
    """One server process and its restarts. Belongs to one event loop.

    This process holds the other end of the server's standard input, and the server ends when it closes: so it never
    outlives this process.

    Args:
        title: What users call it.
        module: Module that Python runs.
        arguments: Its arguments, but for the port.
        port: Port; 0 takes any at the first start and the same ever after.
        log: File for its log; None: this process's standard error.
        limits: Patience with it.
        gave_up: Set when it will not be started again.
    """

    def __init__(
        self,
        title: str,
        module: str,
        arguments: Sequence[str],
        port: int,
        log: Path | None,
        limits: ChildLimits,
        gave_up: asyncio.Event,
    ) -> None:
        self.port = port
        self.failure: VisumError | None = None
        self._title = title
        self._command = [sys.executable, "-m", module, *arguments, "--until-stdin-closes"]
        self._log = log
        self._limits = limits
        self._gave_up = gave_up
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._deaths = 0

    @property
    def process_id(self) -> int | None:
        """Its process, once it was started."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Starts it and waits until it is ready; from then on it is started again when it dies.

        Raises:
            ServiceUnavailableError: It did not start; with the end of its log.
        """
        try:
            await self._launch()
        except ServiceUnavailableError as error:
            self._give_up(error)
            raise
        self._keeper = asyncio.create_task(self._keep_running())

    def answered(self) -> None:
        """Takes note that it answered a call."""
        self._deaths = 0

    async def stop(self) -> None:
        """Ends it: by closing its standard input, and by force if that does not help in time."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is not None:
            await _end(self._process, self._limits.stop_seconds)

    async def _launch(self) -> None:
        """Starts it and waits until it is ready; one that is killed before, as for want of memory, is started again."""
        starts = 1
        while (code := await self._become_ready()) is not None:
            if code >= 0 or starts == self._limits.starts:
                text = f"the {self._title} ended with code {code} before it was ready{self._log_tail()}"
                raise ServiceUnavailableError(text)
            _log.warning("the %s was killed before it was ready (code %d); starting it again", self._title, code)
            starts += 1

    async def _become_ready(self) -> int | None:
        """Starts a process: None once it is ready, its exit code where it ended before. Raises as `start`."""
        process = self._process = await self._spawn()
        try:
            self.port = await asyncio.wait_for(_announced_port(process), self._limits.start_seconds)
        except TimeoutError:
            await _end(process, 0)
            raise ServiceUnavailableError(f"the {self._title} did not start in time{self._log_tail()}") from None
        except EOFError:
            await _end(process, self._limits.stop_seconds)
            return process.returncode
        return None

    async def _spawn(self) -> Process:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(_SERVER_VARIABLES)}
        command = [*self._command, "--port", str(self.port)]
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(self._log.open("ab")) if self._log else None
            # A session of its own: Ctrl-C reaches this process alone, which then ends its servers in order.
            return await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=log, env=environment, start_new_session=True
            )

    async def _keep_running(self) -> None:
        while True:
            started = time.monotonic()
            code = await self._ended()
            if time.monotonic() - started > _STEADY_SECONDS:
                self._deaths = 0
            self._deaths += 1
            if self._deaths > self._limits.restarts:
                text = f"the {self._title} ended {self._deaths} times in a row, at last with code {code}"
                return self._give_up(ServiceUnavailableError(text + self._log_tail()))
            _log.warning("the %s ended with code %d; starting it again", self._title, code)
            try:
                await self._launch()
            except ServiceUnavailableError as error:
                return self._give_up(error)

    async def _ended(self) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        while await self._process.stdout.read(_READ_BYTES):
            pass
        return await self._process.wait()

    def _give_up(self, error: VisumError) -> None:
        self.failure = error
        self._gave_up.set()

    def _log_tail(self) -> str:
        try:
            content = self._log.read_bytes()[-_LOG_TAIL_BYTES:] if self._log else b""
        except OSError:
            return ""
        lines = content.decode("utf-8", "replace").splitlines()[-_LOG_TAIL_LINES:]
        return "".join(["; its log ends with:", *(f"\n  {line}" for line in lines)]) if lines else ""


async def _announced_port(process: Process) -> int:
    """The port in the line of JSON by which a server says that it is ready. Raises EOFError where it ends before."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            return int(json.loads(line)["port"])
    await process.wait()
    raise EOFError


async def _end(process: Process, patience_seconds: float) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.communicate(), patience_seconds)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
