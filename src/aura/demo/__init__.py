"""Two fictional organisations with their own files and questions, for `aura demo` and for tests."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import msgspec


class DemoQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question, a text that a right answer contains, and a file that this text stands in (others may repeat it).

    Both are None where the organisation's files hold no answer, so that the question must be refused.
    """

    question: str
    expects: str | None = None
    document: str | None = None


class DemoOrganisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An organisation as `tenants.create` wants it, the folder that holds its files, and what to ask of them."""

    organization_name: str
    subdomain: str
    admin_email: str
    description: str
    folder: Path
    questions: tuple[DemoQuestion, ...]


class _Listing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    organisations: tuple[DemoOrganisation, ...]


def organisations() -> tuple[DemoOrganisation, ...]:
    """The demo organisations, in the order in which they are shown."""
    here = Path(str(resources.files(__name__)))

    def below_here(kind: type, value: object) -> object:
        return here / str(value) if kind is Path else value

    listing = (here / "organisations.toml").read_bytes()
    return msgspec.toml.decode(listing, type=_Listing, dec_hook=below_here).organisations
