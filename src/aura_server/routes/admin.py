"""What admins, and those who may view analytics, see of their organisation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from aura.jobs.overview import JobState
from aura.platform import Aura
from aura.usage.audit import Action, Entry
from aura.usage.costs import CostSummary, Dimension
from aura.usage.insights import Dashboard
from aura.workspace import Workspace
from aura_server.routes.documents import Cursor, Limit
from aura_server.wire.admin import HealthReport, JobsResponse, UsageResponse
from aura_server.wire.common import Items, items_of

_TAGS = ["admin"]
Days = Annotated[int, QueryParameter(ge=1, le=366, description="How many days, up to today.")]


@get("/admin/dashboard", tags=_TAGS)
async def dashboard(workspace: NamedDependency[Workspace], days: Days = 7) -> Dashboard:
    """The organisation in numbers: documents, questions, users, cost, latency, feedback. Needs `can_view_analytics`."""
    return await workspace.usage.dashboard(workspace.usage.last(days))


@get("/admin/costs", tags=_TAGS)
async def costs(
    workspace: NamedDependency[Workspace],
    days: Days = 30,
    by: Annotated[
        list[Dimension] | None, QueryParameter(description="What to tell apart; the day, unless named.")
    ] = None,
) -> CostSummary:
    """What was spent, by day, model, provider, user, key or kind. Needs `can_view_analytics`."""
    return await workspace.usage.costs(workspace.usage.last(days), by=by or (Dimension.DAY,))


@get("/admin/audit", tags=_TAGS)
async def audit(
    workspace: NamedDependency[Workspace],
    limit: Limit = 100,
    cursor: Cursor = None,
    action: FromQuery[Action | None] = None,
    actor: FromQuery[UUID | None] = None,
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
) -> Items[Entry]:
    """Who did what to which id, the latest first. Admins only."""
    found = await workspace.audit.list(limit=limit, cursor=cursor, action=action, actor=actor, since=since, until=until)
    return items_of(found, lambda entry: entry)


@get("/admin/health", tags=_TAGS)
async def health(aura: NamedDependency[Aura], workspace: NamedDependency[Workspace]) -> HealthReport:
    """Each part with how long it took to tell and why it is not well. Admins only."""
    workspace.require_admin("see the health of the parts")
    return HealthReport.of(await aura.health())


@get("/admin/jobs", tags=_TAGS)
async def jobs(
    workspace: NamedDependency[Workspace],
    limit: Limit = 100,
    only: Annotated[JobState | None, QueryParameter(name="state")] = None,
) -> JobsResponse:
    """What waits, runs and has failed in the background, and why. Admins only."""
    found = workspace.jobs
    return JobsResponse(overview=await found.overview(), items=await found.list(state=only, limit=limit))


@get("/tenant/usage", tags=["tenant"])
async def usage(workspace: NamedDependency[Workspace]) -> UsageResponse:
    """The caller's limits, and what is left of each."""
    return UsageResponse.of(await workspace.allowances())


HANDLERS = (dashboard, costs, audit, health, jobs, usage)
