"""What the organisation lets itself spend on models, in a day and in a month."""

from __future__ import annotations

from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from aura.usage.audit import Action
from aura.workspace import Workspace
from aura_server.auditing import Record
from aura_server.wire.budgets import BudgetBody
from aura_server.wire.common import Items

_TAGS = ["tenant"]


@get("/tenant/budgets", tags=_TAGS)
async def budgets(workspace: NamedDependency[Workspace]) -> Items[BudgetBody]:
    """All budgets of the organisation. Admins only."""
    return Items(items=tuple(map(BudgetBody.of, await workspace.budgets.list())))


@put("/tenant/budgets", tags=_TAGS)
async def set_budget(
    data: JSONBody[BudgetBody], workspace: NamedDependency[Workspace], record: NamedDependency[Record]
) -> BudgetBody:
    """Set the budget of a subject and a span, in place of the one that may be there. Admins only."""
    kept = await workspace.budgets.set(data.subject, data.span, data.max_micro_usd)
    await record(Action.BUDGET_SET, "budget", kept.subject)
    return BudgetBody.of(kept)


@delete("/tenant/budgets", status_code=204, tags=_TAGS)
async def remove_budget(
    workspace: NamedDependency[Workspace],
    record: NamedDependency[Record],
    subject: FromQuery[str],
    span: FromQuery[str],
) -> None:
    """Take a budget away, where there is one. Admins only."""
    await workspace.budgets.remove(subject, span)
    await record(Action.BUDGET_REMOVED, "budget", subject)


HANDLERS = (budgets, set_budget, remove_budget)
