"""Taking an organisation along, and bringing one."""

from __future__ import annotations

from typing import BinaryIO, cast

import msgspec
from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import MultipartBody
from litestar.response import Stream

from aura.platform import Aura
from aura.usage.audit import Action
from aura.workspace import Workspace
from aura_server.archives import exported, imported
from aura_server.auditing import Record
from aura_server.guards import admins_alone, open_for_newcomers
from aura_server.limits import UPLOAD
from aura_server.wire.tenant import OrganisationResponse

_TAGS = ["tenant"]
_MEDIA_TYPE = "application/zip"


class ImportForm(msgspec.Struct, kw_only=True):
    """An archive of `GET /tenant/export`, and the sub-domain of the new organisation; the archive's own, when left out."""

    archive: UploadFile
    subdomain: str | None = None


@get("/tenant/export", media_type=_MEDIA_TYPE, tags=_TAGS)
async def export(workspace: NamedDependency[Workspace], record: NamedDependency[Record]) -> Stream:
    """All that the organisation has, as one portable archive, every member's private things included. Admins only."""
    name, blocks = await exported(workspace)
    await record(Action.EXPORTED)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(blocks, media_type=_MEDIA_TYPE, headers=headers)


@post("/tenant/import", opt=UPLOAD, guards=[admins_alone, open_for_newcomers], tags=_TAGS)
async def import_(
    data: MultipartBody[ImportForm],
    aura: NamedDependency[Aura],
    record: NamedDependency[Record],
) -> OrganisationResponse:
    """A new organisation beside the caller's, from an archive, with the plan of a new one. Admins only."""
    made = await imported(aura, cast("BinaryIO", data.archive.file), data.subdomain)
    await record(Action.IMPORTED, "organisation", made.organisation.id)
    return OrganisationResponse.of(made.organisation)


HANDLERS = (export, import_)
