"""What people may type, checked field by field. Each function returns the value as it is stored.

The messages say what is wrong and what would be right; they name no secret.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, cast

from aura.errors import InvalidRequest
from aura.identity import Role
from aura.tenants.values import Tier

_RESERVED = """
    about account accounts admin administrator api app assets aura auth billing blog cdn dashboard dev dns docs files ftp
    health help imap localhost login logout mail metrics mcp mx ns ns1 ns2 oauth pop root schema security signup smtp sso
    static status support system webmail ws www
"""
RESERVED_SUBDOMAINS: Final = frozenset(_RESERVED.split())
"""Names that belong to the platform: someone who held one could pass for it."""

MAX_JSON_BYTES: Final = 64 * 1024
MAX_JSON_DEPTH: Final = 100
"""Of objects and lists in each other. What is written from a shallow stack must be readable from a deep one."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""Source: RFC 1123, section 2.1, without the two hyphens that RFC 5891 keeps for itself."""

_EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+"
)
"""Source: the WHATWG HTML standard, "valid e-mail address"; here with at least one dot behind the @."""

_PROVIDER = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_COLOR = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_COLOR_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_NUL_IN_JSON = re.compile(r"(?<!\\)(\\\\)*\\u0000")


def subdomain(value: str) -> str:
    """A DNS label in lower case that is not the platform's own."""
    if not _LABEL.fullmatch(value) or value[2:4] == "--":
        raise InvalidRequest(
            f"the sub-domain {value[:80]!r} can not be used: 1 to 63 of a-z, 0-9 and '-', with no '-' at either end,"
            " such as 'acme' or 'acme-north'",
            field="subdomain",
        )
    if value in RESERVED_SUBDOMAINS:
        raise InvalidRequest(f"the sub-domain {value!r} is reserved: choose another", field="subdomain")
    return value


def email(value: str, *, field: str = "email") -> str:
    """An e-mail address in lower case."""
    found = find_email(value)
    if found is None:
        raise InvalidRequest("this is not an e-mail address: it should look like name@example.com", field=field)
    return found


def find_email(value: str) -> str | None:
    """`value` as an e-mail address is stored, or None when it is none."""
    lowered = value.strip().lower()
    return lowered if len(lowered) <= 254 and _EMAIL.fullmatch(lowered) else None


def find_subdomain(value: str) -> str | None:
    """`value` as a sub-domain is stored, or None when it is none. Names of hosts know no upper case."""
    lowered = value.strip().lower()
    return lowered if _LABEL.fullmatch(lowered) else None


def name(value: str, *, field: str, max_characters: int = 200, required: bool = True) -> str:
    """A line of text for people: trimmed, and without control characters."""
    trimmed = unicodedata.normalize("NFC", value.strip())
    if required and not trimmed:
        raise InvalidRequest(f"{field} is empty: give it a text", field=field)
    if len(trimmed) > max_characters:
        raise InvalidRequest(f"{field} has {len(trimmed)} characters, and {max_characters} are allowed", field=field)
    if not is_line(trimmed):
        raise InvalidRequest(f"{field} has characters that can not be shown, such as a line break", field=field)
    return trimmed


def find_name(value: str) -> str | None:
    """`value` as a name is stored, or None when it can be none."""
    trimmed = unicodedata.normalize("NFC", value.strip())
    return trimmed if trimmed and is_line(trimmed) else None


def is_line(value: str) -> bool:
    """Whether `value` can be stored and shown as one line: no controls, and nothing that is not Unicode."""
    return not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in value)


def provider(value: str) -> str:
    """The name of a provider, such as `openai`."""
    if not _PROVIDER.fullmatch(value):
        raise InvalidRequest(
            f"the provider {value[:80]!r} can not be used: a-z, 0-9, '_' and '-', beginning with a letter, such as 'openai'",
            field="provider",
        )
    return value


def json_object(value: Mapping[str, object], *, field: str) -> dict[str, object]:
    """A JSON object that the database takes, of at most `MAX_JSON_BYTES`."""
    try:
        encoded = json.dumps(value, allow_nan=False, ensure_ascii=False)
        size = len(encoded.encode())
    except (TypeError, ValueError, RecursionError):
        raise InvalidRequest(f"{field} is not a JSON object: no NaN, and text that is Unicode", field=field) from None
    if _NUL_IN_JSON.search(encoded):
        raise InvalidRequest(f"{field} holds a NUL character, which can not be stored", field=field)
    if size > MAX_JSON_BYTES:
        raise InvalidRequest(f"{field} has {size} bytes, and {MAX_JSON_BYTES} are allowed", field=field)
    if not _is_shallow(value):
        raise InvalidRequest(f"{field} is nested more than {MAX_JSON_DEPTH} deep", field=field)
    return dict(value)


def _is_shallow(value: object) -> bool:
    """Whether no more than `MAX_JSON_DEPTH` objects and lists of `value` are in each other; level by level, on no stack."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        level = [child for each in level for child in _children(each)]
    return not any(isinstance(each, Mapping | list | tuple) for each in level)


def _children(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return cast("Mapping[object, object]", value).values()
    return cast("Iterable[object]", value) if isinstance(value, list | tuple) else ()


def brand_colors(value: Mapping[str, str]) -> dict[str, str]:
    """Colours by name, such as `{"primary": "#0a5fd7"}`. They end in a style sheet, so nothing else is let in."""
    if len(value) > 32:
        raise InvalidRequest(f"brand_colors has {len(value)} entries, and 32 are allowed", field="brand_colors")
    for key, color in value.items():
        if not _COLOR_NAME.fullmatch(key) or not _COLOR.fullmatch(color):
            raise InvalidRequest(
                "brand_colors maps names to colours, such as 'primary' to '#0a5fd7'", field="brand_colors"
            )
    return dict(value)


def tier(value: str) -> Tier:
    """A plan by its name."""
    try:
        return Tier(value)
    except ValueError:
        names = ", ".join(Tier)
        raise InvalidRequest(
            f"there is no plan {value[:80]!r}: choose one of {names}", field="subscription_tier"
        ) from None


def role(value: str) -> Role:
    """What a member may do. `service` is AURA's own and is given to nobody."""
    if value not in (Role.ADMIN, Role.MANAGER, Role.USER):
        raise InvalidRequest(f"there is no role {value[:80]!r}: choose admin, manager or user", field="role")
    return Role(value)


def limit(value: object, *, field: str) -> int:
    """A number of a plan: not negative, and one that the database takes."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 2**31 - 1:
        raise InvalidRequest(f"{field} must be a whole number between 0 and {2**31 - 1}", field=field)
    return value


def moment(value: datetime | None, *, field: str) -> datetime | None:
    """A time with its time zone, or None."""
    if value is not None and value.tzinfo is None:
        raise InvalidRequest(f"{field} has no time zone: write 2026-12-31T00:00:00Z, say", field=field)
    return value


def page_size(value: int) -> int:
    """How many items of a list to return at once."""
    if not 1 <= value <= 1000:
        raise InvalidRequest(f"limit is {value}, and must be between 1 and 1000", field="limit")
    return value


def cursor(value: str | None) -> str:
    """Where the piece of a list before this one ended; the empty text is its beginning."""
    if value is not None and (len(value) > 500 or not is_line(value)):
        raise InvalidRequest("this cursor is none of ours: pass `next_cursor` on as it came", field="cursor")
    return value or ""


def offset(value: str | None) -> int:
    """The cursor of a list that is counted through: how many items come before it."""
    if not value:
        return 0
    if not re.fullmatch("[0-9]{1,18}", value):
        raise InvalidRequest("this cursor is none of ours: pass `next_cursor` on as it came", field="cursor")
    return int(value)
