"""Logs as one JSON object a line, on standard error."""

import json
import logging
import sys
import time
from typing import Any, TextIO

LOGGER_NAME = "visum"


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
    """Logs an event with its facts; with `error`, also the traceback."""
    logger = logging.getLogger(LOGGER_NAME)
    if logger.isEnabledFor(level):
        logger.log(level, event, exc_info=error, extra={"facts": facts})


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object: time (UTC), level, event, its facts, and the traceback of an error."""

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
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)
