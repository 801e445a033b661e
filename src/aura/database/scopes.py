"""The second lock: every statement also names its tenant, and whose rows it may show, under the database's own policy."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from sqlalchemy import ColumnElement, FromClause, Table, Uuid, and_, bindparam, or_, select, true

from aura.database.tables import PERSONAL_TABLES, collections, conversations, documents, messages
from aura.identity import Role, Scope

application_filter: Final[ContextVar[bool]] = ContextVar("application_filter", default=True)
"""Off in the one test suite that proves that row-level security alone returns nothing foreign; never off elsewhere."""

_PARENTS: Final = {
    "document_versions": ("document_id", documents),
    "messages": ("conversation_id", conversations),
    "feedback": ("message_id", messages),
}
"""What is in a collection by what it belongs to."""


def visible(table: FromClause, scope: Scope) -> ColumnElement[bool]:
    """The rows of `table` that `scope` may see: its tenant's, and of these not another member's private ones.

    So far it repeats what the policy says. The planner can prune partitions by it early, and the two must both fail to
    leak. The collections that an API key is limited to are its own business: no policy knows of them.
    """
    within = _within_collections(table, scope)
    if not application_filter.get():
        return within
    condition = _policy(table, scope.role, scope.tenant_id, scope.user_id)
    return condition if scope.collections is None else and_(condition, within)


def visible_to(table: FromClause, role: Role) -> ColumnElement[bool]:
    """`visible` for a `Statement`, with the scope as the parameters `scope_values` gives.

    It knows no collections: who is limited to some takes `visible`.
    """
    if not application_filter.get():
        return true()
    return _policy(table, role, bindparam("scope_tenant", type_=Uuid), bindparam("scope_user", type_=Uuid))


def scope_values(scope: Scope) -> dict[str, object]:
    """What `visible_to` asks for."""
    return {"scope_tenant": scope.tenant_id, "scope_user": scope.user_id}


def _policy(table: FromClause, role: Role, tenant_id: object, user_id: object) -> ColumnElement[bool]:
    condition = table.c.tenant_id == tenant_id
    if "private_to" in table.c and role is not Role.SERVICE:
        condition = and_(condition, or_(table.c.private_to.is_(None), table.c.private_to == user_id))
    if isinstance(table, Table) and table.name in PERSONAL_TABLES and role is not Role.SERVICE:
        condition = and_(condition, table.c.user_id.is_not_distinct_from(user_id))
    return condition


def _within_collections(table: FromClause, scope: Scope) -> ColumnElement[bool]:
    """What an API key's collections leave of `table`. Nodes of no collection are in none of them.

    A conversation is within them when it never could draw on others: what was said in it quotes documents.
    """
    if scope.collections is None:
        return true()
    allowed = sorted(scope.collections)
    if "collection_id" in table.c:
        return table.c.collection_id.in_(allowed)
    name = table.name if isinstance(table, Table) else ""
    if name == collections.name:
        return table.c.id.in_(allowed)
    if name == conversations.name:
        return table.c.collections.contained_by(allowed)
    through = _PARENTS.get(name)
    if through is None:
        return true()
    column, parent = through
    return table.c[column].in_(select(parent.c.id).where(visible(parent, scope)))
