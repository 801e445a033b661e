"""Every error that AURA raises on purpose.

AuraError
├── InvalidRequest      the caller's input can not be used; the message says how to mend it
├── NotFound            there is no such thing, or not for this caller: the two are never told apart
├── Unauthenticated     nobody that is known calls: no credentials, or wrong, expired or revoked ones
├── Denied              the caller is known, but may not do this
├── Conflict            it collides with what is there (a taken sub-domain, a second open)
├── LimitExceeded       a plan's or platform's limit; says what is left and when it renews
├── Unavailable         a part is away for now; try again after `retry_after_seconds`
└── BackendError        a part answered, but wrongly; trying again is not known to help

A message says what happened, shows the offending value's `repr` where that is safe, and gives the next step. It never
contains a secret or a user's text. Vendors' exceptions are translated where the vendor is adapted.
"""

from __future__ import annotations

from datetime import datetime


class AuraError(Exception):
    """The root of everything that AURA raises on purpose."""


class InvalidRequest(AuraError):
    """The caller's input can not be used. `field` names the part of it that is wrong, where one is.

    `may_pass`: the same input may be usable another time, such as when there is more time for it, or a part was installed.
    """

    def __init__(self, message: str, *, field: str | None = None, may_pass: bool = False) -> None:
        super().__init__(message)
        self.field = field
        self.may_pass = may_pass


class NotFound(AuraError):
    """There is no such thing in the caller's scope."""


class Unauthenticated(AuraError):
    """Nobody that is known calls: the credentials are missing, wrong, expired or revoked."""


class Denied(AuraError):
    """The caller is known, but may not do this."""


class Conflict(AuraError):
    """The request collides with what is there."""


class LimitExceeded(AuraError):
    """A limit was reached: `remaining` is left of the `maximum`; `renews_at` is when it starts anew (None: never)."""

    def __init__(
        self,
        message: str,
        *,
        limit: str,
        remaining: int = 0,
        maximum: int | None = None,
        renews_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.maximum = maximum
        self.remaining = remaining
        self.renews_at = renews_at


class Unavailable(AuraError):
    """A part that the request needs is away. Trying again after `retry_after_seconds` may work."""

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class BackendError(AuraError):
    """A part answered, but wrongly."""
