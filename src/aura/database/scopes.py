"""The second lock: every statement also names its tenant, and whose rows it may show, under the database's own policy."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, FromClause, Table, Uuid, and_, any_, bindparam, literal, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from aura.database.tables import PERSONAL_TABLES, collections, conversations, documents, messages
from aura.identity import Role, Scope

application_filter: Final[ContextVar[bool]] = ContextVar("application_filter", default=True)
"""Off in the one test suite that proves that row-level security alone returns nothing foreign; never off elsewhere."""

_PARENTS: Final = {
    "document_versions": ("document_id", documents),
    "messages": ("conversation_id", conversations),
    "feedback": ("message_id", messages),
    "memory_entries": ("conversation_id", conversations),
}
"""What is in a collection by what it belongs to."""


def visible(table: FromClause, scope: Scope) -> ColumnElement[bool]:
    """The rows of `table` that `scope` may see: its tenant's, and of these not another member's private ones.

    So far it repeats what the policy says. The planner can prune partitions by it early, and the two must both fail to
    leak. The collections that an API key is limited to are its own business: no policy knows of them.
    """
    values = _Values(
        scope.tenant_id, scope.user_id, None if scope.collections is None else _uuids(sorted(scope.collections))
    )
    return _seen(table, Sight.of(scope), values)


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """All by which what one scope may see differs from what another may, but for whose it is."""

    role: Role
    of_user: bool
    """Whether one acts, and not the organisation's programs."""
    limited: bool
    """Whether to some collections."""
    filtered: bool

    @classmethod
    def of(cls, scope: Scope) -> Sight:
        """That of `scope`."""
        return cls(
            role=scope.role,
            of_user=scope.user_id is not None,
            limited=scope.collections is not None,
            filtered=application_filter.get(),
        )

    def sees(self, table: FromClause) -> ColumnElement[bool]:
        """As `visible`, for a statement that is built once: with parameters, which `scope_values` fills in."""
        collections = bindparam("scope_collections", type_=ARRAY(Uuid))
        tenant_id, user_id = bindparam("scope_tenant", type_=Uuid), bindparam("scope_user", type_=Uuid)
        return _seen(table, self, _Values(tenant_id, user_id, collections if self.limited else None))


def scope_values(scope: Scope) -> dict[str, object]:
    """The parameters of a statement that was built with a `Sight`."""
    allowed = None if scope.collections is None else sorted(scope.collections)
    return {"scope_tenant": scope.tenant_id, "scope_user": scope.user_id, "scope_collections": allowed}


class _Values(NamedTuple):
    """A scope, or the parameters that stand for one."""

    tenant_id: object
    user_id: object
    collections: ColumnElement[Sequence[UUID]] | None


def _seen(table: FromClause, sight: Sight, values: _Values) -> ColumnElement[bool]:
    within = _within_collections(table, sight, values)
    if not sight.filtered:
        return within
    condition = table.c.tenant_id == values.tenant_id
    if "private_to" in table.c and sight.role is not Role.SERVICE:
        condition = and_(condition, or_(table.c.private_to.is_(None), table.c.private_to == values.user_id))
    if isinstance(table, Table) and table.name in PERSONAL_TABLES and sight.role is not Role.SERVICE:
        # Not IS NOT DISTINCT FROM, as the policy has it: no index could be used for that.
        own = table.c.user_id == values.user_id if sight.of_user else table.c.user_id.is_(None)
        condition = and_(condition, own)
    return condition if values.collections is None else and_(condition, within)


def _within_collections(table: FromClause, sight: Sight, values: _Values) -> ColumnElement[bool]:
    """What an API key's collections leave of `table`. Nodes of no collection are in none of them.

    A conversation is within them when it never could draw on others: what was said in it quotes documents.
    """
    allowed = values.collections
    if allowed is None:
        return true()
    if "collection_id" in table.c:
        return table.c.collection_id == any_(allowed)
    name = table.name if isinstance(table, Table) else ""
    if name == collections.name:
        return table.c.id == any_(allowed)
    if name == conversations.name:
        return table.c.collections.contained_by(allowed)
    through = _PARENTS.get(name)
    if through is None:
        return true()
    column, parent = through
    return table.c[column].in_(select(parent.c.id).where(_seen(parent, sight, values)))


def _uuids(ids: Sequence[UUID]) -> ColumnElement[Sequence[UUID]]:
    return literal(ids, ARRAY(Uuid))
