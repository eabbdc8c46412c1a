"""Logs as one JSON object a line, on standard error."""

import json
import logging
import re
import sys
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

LOGGER_NAME = "visum"
_HIDDEN = "[hidden]"
_SECRETS = (
    (re.compile(r"(?i)\bbearer\s+[^\s\"'\\,)]+"), f"Bearer {_HIDDEN}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), _HIDDEN),
    (re.compile(r"://[^/\s\"'@]+@"), f"://{_HIDDEN}@"),
)
_SOURCE_FILE = re.compile(r'File "[^"]*?([^/"]+/[^/"]+)"')


def start_logging(level: str, stream: TextIO | None = None) -> logging.Logger:
    """Sends the visum logger's records to `stream` (standard error), from `level` on, as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger(LOGGER_NAME)
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
    return logger


def log(event: str, level: int = logging.INFO, *, error: BaseException | None = None, **facts: Any) -> None:
    """Logs an event with its facts; with `error`, also its kind and place, and at level debug the traceback."""
    logger = logging.getLogger(LOGGER_NAME)
    if logger.isEnabledFor(level):
        logger.log(level, event, exc_info=error, extra={"facts": facts})


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object: time (UTC), level, event, its facts, and the kind and place of an error.

    The words and the traceback of an error, which may hold paths and data of callers, are told at level debug alone.
    Tokens, keys and passwords in addresses are hidden everywhere, and files are named by their package.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        entry |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[1] is not None:
            entry |= {"error": type(record.exc_info[1]).__name__, "at": _place_of(record.exc_info[1])}
            if logging.getLogger(LOGGER_NAME).isEnabledFor(logging.DEBUG):
                entry["traceback"] = _SOURCE_FILE.sub(r'File "\1"', self.formatException(record.exc_info))
        return without_secrets(json.dumps(entry, default=str))


def without_secrets(text: str) -> str:
    """A text with bearer tokens, private keys and the names and passwords of addresses hidden."""
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return text


def _place_of(error: BaseException) -> str:
    """Where an error was raised, within visum where it was: package, file and line."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno}" for frame in frames]
    return next((place for place in reversed(places) if place.startswith(LOGGER_NAME)), (places or [""])[-1])
