"""E-mail: who wrote what to whom and when, then the body; attachments are named, not opened."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import cast

from aura.documents.parsing.elements import Block, Category
from aura.documents.parsing.partition import html_blocks

_HEADERS = ("From", "To", "Cc", "Date")


def mail_blocks(path: Path) -> Iterator[Block]:
    """The subject as a heading, the headers that matter, the body (HTML if there is one), the attachments' names."""
    with path.open("rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    yield Block(category=Category.TITLE, text=_header(message, "Subject") or "(no subject)", depth=1)
    headers = [f"{name}: {value}" for name in _HEADERS if (value := _header(message, name))]
    yield Block(category=Category.TEXT, text="\n".join(headers))
    body = cast(EmailMessage | None, message.get_body(("html", "plain")))
    if body is not None:
        text = _content(body)
        if body.get_content_subtype() == "html":
            yield from html_blocks(text)
        else:
            for paragraph in text.replace("\r\n", "\n").split("\n\n"):
                yield Block(category=Category.TEXT, text=paragraph)
    names = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    if names:
        yield Block(category=Category.TEXT, text=f"Attachments (not read): {', '.join(names)}")


def _header(message: EmailMessage, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())


def _content(part: EmailMessage) -> str:
    try:
        return str(part.get_content())
    except LookupError:
        # An unknown charset: what is plain ASCII in it can be read all the same.
        return cast(bytes, part.get_payload(decode=True)).decode("ascii", "replace")
