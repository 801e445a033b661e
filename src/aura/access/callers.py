"""`Caller`: who stands behind a request, found from what it shows; the values of a login."""

from __future__ import annotations

from uuid import UUID

import msgspec

from aura.access.api_keys import ApiKey, verbs_of
from aura.identity import CollectionId, Verb
from aura.tenants.values import Organisation, User

__all__ = ("Caller", "Grant", "Login", "Ticket", "Verb", "grant_of")


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What an API key may do: some verbs, and in these collections; None is all that its maker sees."""

    verbs: frozenset[Verb]
    collections: frozenset[CollectionId] | None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, as the database knew them a moment ago.

    With a session it is a member who logged in; with a key a program of that member, limited by `grant`; with neither, and
    no user, one of the operator's own services.
    """

    organisation: Organisation
    user: User | None
    session_id: UUID | None = None
    api_key: ApiKey | None = None
    grant: Grant | None = None

    @property
    def name(self) -> str:
        """By what quotas, the audit and repeated requests know the caller: `key:<id>`, `user:<id>` or `service`."""
        if self.api_key is not None:
            return f"key:{self.api_key.id}"
        return "service" if self.user is None else f"user:{self.user.id}"

    def may(self, verb: Verb) -> bool:
        """Whether what the caller showed covers `verb`. Whether the role does, the workspace decides."""
        return self.grant is None or verb in self.grant.verbs


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A session's access token, the refresh token that brings the next one, and whose they are."""

    access_token: str
    refresh_token: str
    expires_in_seconds: int
    organisation: Organisation
    user: User

    def __repr__(self) -> str:
        return f"Login(user={self.user.email!r})"  # its tokens are for its holder alone


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What opens one socket, once."""

    ticket: str
    expires_in_seconds: int

    def __repr__(self) -> str:
        return "Ticket(...)"


def grant_of(key: ApiKey, maker: User) -> Grant:
    """What `key` may do now: what it was given, and its maker may still do."""
    return Grant(verbs=key.verbs & verbs_of(maker), collections=key.collections)
