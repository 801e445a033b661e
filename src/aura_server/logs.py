"""Logs as one JSON object a line. They name requests, routes and tenants' ids, and hold no body, query, user or secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec

from aura_server.requests import Handled

access_log = logging.getLogger("aura_server.access")

_MASK: Final = "[redacted]"
_SECRETS: Final = (
    (re.compile(r"\b(bearer|basic)\s+[^\s,;'\"]+", re.IGNORECASE), rf"\1 {_MASK}"),
    (re.compile(r"\b(aura_[a-z]{2}_)[\w-]+"), rf"\1{_MASK}"),
    (re.compile(r"\b(sk-|xai-)[\w-]{6,}"), rf"\1{_MASK}"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), _MASK),  # a JSON Web Token
    (re.compile(r"(\w://[^\s:/@]*):[^\s@/]+@"), rf"\1:{_MASK}@"),  # the password of a database's address
    (re.compile(r"([?&](?:token|ticket|api_key|key|password)=)[^\s&#'\"]+", re.IGNORECASE), rf"\1{_MASK}"),
)


def masked(text: str) -> str:
    """`text` without what opens a door: credentials, AURA's keys and providers', tokens, passwords in addresses."""
    for secret, instead in _SECRETS:
        text = secret.sub(instead, text)
    return text


class Redacting(logging.Filter):
    """Masks secrets in every record that passes: in its message, and in the traceback it comes with."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True; the record's text is masked."""
        record.msg, record.args = masked(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = masked(record.exc_text)
        return True


class JsonLines(logging.Formatter):
    """A record as one line of JSON: `time`, `level`, `logger`, `message`, and the fields that it was given."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields: Mapping[str, object] = getattr(record, "fields", {})
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields,
        }
        if record.exc_text:
            line["exception"] = record.exc_text
        return msgspec.json.encode(line).decode()


def configure(stream: TextIO | None = None) -> logging.Handler:
    """Write the process's logs to `stream`, standard error by default; the handler that does. Replaces what was there."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(Redacting())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in ("aura", "aura_server"):
        logging.getLogger(name).setLevel(logging.INFO)
    return handler


def request_handled(handled: Handled) -> None:
    """One line for a request. The tenant is there by its id, which tells its operator whose request it was; no user is."""
    fields = {
        "request_id": handled.request_id,
        "method": handled.method,
        "route": handled.route,
        "status": handled.status,
        "ms": round(handled.seconds * 1000, 1),
        "tenant_id": handled.tenant_id,
    }
    access_log.info("%s %s %d", handled.method, handled.route, handled.status, extra={"fields": fields})
