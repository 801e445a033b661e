"""How a receiver knows that a delivery is AURA's, and new."""

from __future__ import annotations

import hashlib
import hmac
import secrets

HEADER = "Aura-Signature"


def new_secret() -> str:
    """A secret for a new webhook."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def signature(secret: str, body: bytes, *, at: int) -> str:
    """The header's value: `t=<unix seconds>,v1=<HMAC-SHA-256 of "t.body">`. Receivers refuse times that are minutes off."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"
