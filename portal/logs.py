"""Log lines for people or for programs, each with the id of the request that it belongs to."""

from __future__ import annotations

import contextvars
import datetime as dt
import json
import logging

NO_REQUEST = "-"
request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default=NO_REQUEST)

# What every record has; anything else was given as ``extra`` and belongs into a JSON line.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id", "taskName"}
# Django adds the whole request and its own socket or connection objects; none is for a log.
_LEFT_OUT = frozenset({"request", "status_code", "server_time"})


class RequestIdFilter(logging.Filter):
    """Puts the id of the present request on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true."""
        # Django logs a refused request after the middleware is done with it, and names the request instead.
        named = getattr(getattr(record, "request", None), "request_id", None)
        record.request_id = named or request_id.get()
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request, and what was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback becomes one field and names no local variables."""
        line: dict[str, object] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        found = getattr(record, "request_id", NO_REQUEST)
        if found != NO_REQUEST:
            line["request"] = found
        line |= {
            name: value
            for name, value in vars(record).items()
            if name not in _USUAL | _LEFT_OUT and isinstance(value, str | int | float | bool)
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def logging_settings(level: str, layout: str) -> dict[str, object]:
    """Django's LOGGING for a layout: "line" for people, "json" for programs."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestIdFilter}},
        "formatters": {
            "line": {"format": "%(asctime)s %(levelname)s %(request_id)s %(name)s %(message)s"},
            "json": {"()": JsonFormatter},
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": layout,
                "filters": ["request_id"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
    }
