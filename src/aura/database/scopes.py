"""The second lock: every statement also names its tenant, and whose rows it may show, under the database's own policy."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from sqlalchemy import ColumnElement, FromClause, Table, and_, or_, true

from aura.database.tables import PERSONAL_TABLES
from aura.identity import Role, Scope

application_filter: Final[ContextVar[bool]] = ContextVar("application_filter", default=True)
"""Off in the one test suite that proves that row-level security alone returns nothing foreign; never off elsewhere."""


def visible(table: FromClause, scope: Scope) -> ColumnElement[bool]:
    """The rows of `table` that `scope` may see: its tenant's, and of these not another member's private ones.

    It repeats what the policy says. The planner can prune partitions by it early, and the two must both fail to leak.
    """
    if not application_filter.get():
        return true()
    condition = table.c.tenant_id == scope.tenant_id
    if "private_to" in table.c and scope.role is not Role.SERVICE:
        condition = and_(condition, or_(table.c.private_to.is_(None), table.c.private_to == scope.user_id))
    if isinstance(table, Table) and table.name in PERSONAL_TABLES and scope.role is not Role.SERVICE:
        condition = and_(condition, table.c.user_id.is_not_distinct_from(scope.user_id))
    return condition
