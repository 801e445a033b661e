"""Who acts in a workspace, for whom, and what that allows."""

from __future__ import annotations

from typing import Self
from uuid import UUID

import msgspec

from aura.access.callers import Grant
from aura.errors import Denied
from aura.identity import Role, Scope, Verb
from aura.tenants.values import Organisation, User
from aura.usage.quotas import LimitedKey


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """A user, an API key of one, an admin in a member's name, or an organisation's own programs (no user).

    `scope` is what the principal sees of documents and settings; `owner` whose the conversations, memory and persona are:
    another only where an admin asks in a member's name, and then `asked_by` says who does.
    """

    organisation: Organisation
    user: User | None
    scope: Scope
    owner: Scope
    key: LimitedKey | None = None
    grant: Grant | None = None
    asked_by: str | None = None

    @classmethod
    def of(
        cls,
        organisation: Organisation,
        user: User | None = None,
        key: LimitedKey | None = None,
        grant: Grant | None = None,
    ) -> Self:
        """Who acts for oneself: a user as its role allows, and without one the organisation's programs, as an admin does."""
        scope = Scope(
            tenant_id=organisation.id,
            user_id=None if user is None else user.id,
            role=Role.ADMIN if user is None else user.role,
            collections=None if grant is None else grant.collections,
            verbs=None if grant is None else grant.verbs,
        )
        return cls(organisation=organisation, user=user, scope=scope, owner=scope, key=key, grant=grant)

    def in_the_name_of(self, member: User) -> Principal:
        """This admin as it asks for a member: of the documents only what the whole organisation may see."""
        theirs = Principal.of(self.organisation, member, self.key, self.grant)
        return msgspec.structs.replace(
            theirs,
            scope=msgspec.structs.replace(self.scope, user_id=None, role=Role.USER),
            asked_by="programs" if self.user is None else str(self.user.id),
        )

    @property
    def key_id(self) -> UUID | None:
        """The API key that acts, if one does."""
        return None if self.key is None else self.key.id

    @property
    def administers(self) -> bool:
        """Whether the organisation is the principal's to manage, as far as a key's verbs do not narrow it."""
        return self.asked_by is None and (self.user is None or self.user.may_administer)

    @property
    def may_upload(self) -> bool:
        """Whether documents may be added."""
        return self.asked_by is None and (self.user is None or self.user.may_upload_documents)

    @property
    def reads_history(self) -> bool:
        """Whether the owner's conversations, memory and persona may be seen."""
        return self.asked_by is None or self.organisation.admins_read_history

    @property
    def is_owner(self) -> bool:
        """Whether what is asked is asked by whom it belongs to: only then is anything learned of it."""
        return self.asked_by is None

    @property
    def response_owner(self) -> str | None:
        """Whose a running answer is, besides the owner's.

        What a key that is limited to collections began is its own: other answers of its maker may quote more.
        """
        limited = None if self.key is None or self.scope.collections is None else f"key:{self.key.id}"
        return " by ".join(each for each in (self.asked_by, limited) if each) or None

    @property
    def inside(self) -> Scope:
        """What an answer reads by: what it needs, whether or not the key that asks may read by itself."""
        return msgspec.structs.replace(self.owner, verbs=None)

    def require_admin(self, what: str) -> None:
        """Refuse who is not an admin, or a key that was not given the verb. Raises `Denied`."""
        self.scope.require(Verb.ADMIN)
        if not self.administers:
            raise Denied(f"only an admin may {what}")

    def require_whole(self, what: str) -> None:
        """As `require_admin`, for what reaches all collections. Raises `Denied`."""
        self.require_admin(what)
        if self.scope.collections is not None:
            raise Denied(f"a key that is limited to collections may not {what}: it reaches all of them")
