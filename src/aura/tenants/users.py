"""The members of one organisation. Who may manage them is the caller's to decide."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, RowMapping, delete, func, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.database.engine import Database, done_again
from aura.database.scopes import visible
from aura.database.tables import conversations, documents, messages, sessions, users
from aura.documents.values import Receipt
from aura.errors import Conflict, Denied, NotFound
from aura.identity import DocumentId, Role, Scope, TenantId, UserId
from aura.tenants import validation
from aura.tenants.limits import ensure_seat, lock_limits
from aura.tenants.passwords import Passwords
from aura.tenants.values import Page, Permissions, ProfileChanges, User, UserChanges, changed

FIELDS: Final = tuple(users.c[name] for name in User.__struct_fields__)


class Users:
    """The members of the scope's organisation."""

    def __init__(self, database: Database, scope: Scope, *, passwords: Passwords) -> None:
        self._database = database
        self._scope = scope
        self._passwords = passwords

    async def add(
        self,
        *,
        email: str,
        password: str,
        role: Role | str = Role.USER,
        name: str = "",
        permissions: Permissions | None = None,
    ) -> User:
        """A new member.

        Args:
            permissions: what the member may do, where it is not what the role brings.

        Raises:
            InvalidRequest: a field can not be used; `field` names it.
            LimitExceeded: every seat of the plan is taken.
            Conflict: the organisation has a member with this e-mail address.
        """
        tenant_id = self._scope.tenant_id
        row = await new_user(
            self._passwords, tenant_id, email=email, password=password, role=role, name=name, permissions=permissions
        )
        async with self._database.tenant(self._scope) as connection:
            await ensure_seat(connection, tenant_id)
            return await insert_user(connection, row)

    async def get(self, user_id: UserId) -> User:
        """The member `user_id`.

        Raises:
            NotFound: the organisation has no such member.
        """
        query = select(*FIELDS).where(visible(users, self._scope), users.c.id == user_id)
        async with self._database.tenant(self._scope) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise _unknown(user_id)
        return as_user(row)

    async def by_email(self, email: str) -> User:
        """The member with this e-mail address, in upper or lower case.

        Raises:
            NotFound: the organisation has no such member.
        """
        address = validation.find_email(email)
        query = select(*FIELDS).where(visible(users, self._scope), users.c.email == address)
        row = None
        if address is not None:
            async with self._database.tenant(self._scope) as connection:
                row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound("the organisation has no user with this e-mail address")
        return as_user(row)

    async def list(self, *, limit: int = 100, cursor: str | None = None) -> Page[User]:
        """The members in the order of their e-mail addresses, `limit` at a time."""
        size = validation.page_size(limit)
        query = (
            select(*FIELDS)
            .where(visible(users, self._scope), users.c.email > validation.cursor(cursor))
            .order_by(users.c.email)
            .limit(size + 1)
        )
        async with self._database.tenant(self._scope) as connection:
            rows = (await connection.execute(query)).mappings().all()
        found = tuple(as_user(row) for row in rows[:size])
        return Page(items=found, next_cursor=found[-1].email if len(rows) > size else None)

    async def update(self, user_id: UserId, changes: UserChanges) -> User:
        """Change what an admin may change of a member.

        Raises:
            InvalidRequest, NotFound
            Conflict: it would leave the organisation without an admin.
        """
        values = changed(changes)
        if changes.name is not msgspec.UNSET:
            values["name"] = validation.name(changes.name, field="name", required=False)
        if changes.role is not msgspec.UNSET:
            role = validation.role(changes.role)
            values = {**msgspec.structs.asdict(Permissions.of(role)), **values, "role": role.value}
        demotes = values.get("role", Role.ADMIN) != Role.ADMIN or values.get("is_active") is False
        return await self._change(user_id, values, keep_an_admin=demotes)

    async def update_profile(self, user_id: UserId, changes: ProfileChanges) -> User:
        """Change what members may change of themselves.

        Raises:
            InvalidRequest, NotFound
        """
        values = changed(changes)
        if changes.name is not msgspec.UNSET:
            values["name"] = validation.name(changes.name, field="name", required=False)
        if changes.persona_settings is not msgspec.UNSET:
            values["persona_settings"] = validation.json_object(changes.persona_settings, field="persona_settings")
        if isinstance(changes.voice_preference, str):
            values["voice_preference"] = validation.name(changes.voice_preference, field="voice_preference")
        return await self._change(user_id, values)

    async def change_password(self, user_id: UserId, *, current: str, new: str) -> None:
        """Replace a member's password by `new`, on proof of the current one. It ends all of the member's sessions.

        Raises:
            InvalidRequest: the new password breaks the policy.
            Denied: the current password is wrong.
            NotFound
        """
        mine = (visible(users, self._scope), users.c.id == user_id)
        async with self._database.tenant(self._scope) as connection:
            stored = (await connection.execute(select(users.c.password_hash).where(*mine))).scalar_one_or_none()
        if stored is None:
            raise _unknown(user_id)
        if not (await self._passwords.verify(current, stored)).right:
            raise Denied("the current password is wrong")
        fresh = await self._passwords.hash(new)
        # Only in place of the password that was proven: another change may have come in between.
        if not await self._replace_password(user_id, fresh, users.c.password_hash == stored):
            raise Denied("the current password is wrong")

    async def set_password(self, user_id: UserId, new: str) -> None:
        """Replace a member's password without the old one: an admin's help for someone who forgot it. It ends all of the
        member's sessions.

        Raises:
            InvalidRequest, NotFound
        """
        if not await self._replace_password(user_id, await self._passwords.hash(new), true()):
            raise _unknown(user_id)

    async def private_documents(self, user_id: UserId) -> tuple[DocumentId, ...]:
        """The documents that only `user_id` can see: what to delete before the member, or nobody can reach them."""
        scope = self._scope.as_service()
        query = select(documents.c.id).where(visible(documents, scope), documents.c.private_to == user_id)
        async with self._database.tenant(scope) as connection:
            return tuple(DocumentId(document_id) for document_id in (await connection.execute(query)).scalars())

    async def delete(self, user_id: UserId) -> Receipt:
        """Remove a member and the member's conversations. Private documents are the caller's: `private_documents`.

        Raises:
            NotFound
            Conflict: this is the last admin.
        """
        # What the member's answers write meanwhile locks the same rows in another order.
        return await done_again(partial(self._delete, user_id))

    async def _delete(self, user_id: UserId) -> Receipt:
        scope = self._scope.as_service()
        talks = (visible(conversations, scope), conversations.c.user_id == user_id)
        ids = select(conversations.c.id).where(*talks)
        said = delete(messages).where(visible(messages, scope), messages.c.conversation_id.in_(ids))
        gone = delete(users).where(visible(users, scope), users.c.id == user_id).returning(users.c.id)
        async with self._database.tenant(scope) as connection:
            await _refuse_last_admin(connection, scope.tenant_id, user_id)
            if (await connection.execute(gone)).one_or_none() is None:
                raise _unknown(user_id)
            message_count = (await connection.execute(said)).rowcount
            conversation_count = (await connection.execute(delete(conversations).where(*talks))).rowcount
        return Receipt(users=1, conversations=conversation_count, messages=message_count)

    async def _replace_password(self, user_id: UserId, password_hash: str, only_if: ColumnElement[bool]) -> bool:
        """Whether there was such a member. Whoever knew the old password is out with the same commit."""
        scope = self._scope.as_service()  # sessions are personal, and an admin may set another one's password
        change = update(users).where(visible(users, scope), users.c.id == user_id, only_if)
        ended = update(sessions).where(
            visible(sessions, scope), sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None)
        )
        async with self._database.tenant(scope) as connection:
            done = await connection.execute(change.values(password_hash=password_hash).returning(users.c.id))
            if done.one_or_none() is None:
                return False
            await connection.execute(ended.values(revoked_at=func.now()))
        return True

    async def _change(self, user_id: UserId, values: Mapping[str, object], *, keep_an_admin: bool = False) -> User:
        if not values:
            return await self.get(user_id)
        mine = (visible(users, self._scope), users.c.id == user_id)
        async with self._database.tenant(self._scope) as connection:
            if keep_an_admin:
                await _refuse_last_admin(connection, self._scope.tenant_id, user_id)
            change = update(users).where(*mine).values(**values).returning(*FIELDS)
            row = (await connection.execute(change)).mappings().one_or_none()
        if row is None:
            raise _unknown(user_id)
        return as_user(row)


async def new_user(
    passwords: Passwords,
    tenant_id: TenantId,
    *,
    email: str,
    password: str,
    role: Role | str,
    name: str = "",
    permissions: Permissions | None = None,
) -> dict[str, object]:
    """The row of a new member, checked and with the password hashed. Cost: one hash, before any transaction begins."""
    granted = validation.role(role)
    return {
        "tenant_id": tenant_id,
        "id": uuid4(),
        "email": validation.email(email),
        "role": granted.value,
        "name": validation.name(name, field="name", required=False),
        **msgspec.structs.asdict(permissions or Permissions.of(granted)),
        "password_hash": await passwords.hash(password),
    }


async def insert_user(connection: AsyncConnection, row: Mapping[str, object]) -> User:
    """Insert the row of `new_user`.

    Raises:
        Conflict: the organisation has a member with this e-mail address.
    """
    statement = insert(users).values(row).on_conflict_do_nothing(index_elements=["tenant_id", "email"])
    made = (await connection.execute(statement.returning(*FIELDS))).mappings().one_or_none()
    if made is None:
        raise Conflict("the organisation has a user with this e-mail address already")
    return as_user(made)


def as_user(row: RowMapping) -> User:
    """The user of a row that has at least `FIELDS`."""
    return msgspec.convert(row, User)


async def _refuse_last_admin(connection: AsyncConnection, tenant_id: TenantId, user_id: UserId) -> None:
    """An organisation that nobody can administer could not be helped from within. Locked: two may leave at once."""
    await lock_limits(connection, tenant_id)
    admins = select(func.array_agg(users.c.id)).where(
        users.c.tenant_id == tenant_id, users.c.role == Role.ADMIN.value, users.c.is_active
    )
    if (await connection.execute(admins)).scalar_one() == [user_id]:
        raise Conflict("this is the organisation's last active admin: make another member an admin first")


def _unknown(user_id: UserId) -> NotFound:
    return NotFound(f"the organisation has no user {user_id}")
