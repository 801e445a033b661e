"""One user's persona: what was chosen, what was learned, and the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Table, Text, Uuid, and_, any_, bindparam, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from aura.clock import Clock
from aura.database.engine import Database
from aura.database.scopes import Sight, visible
from aura.database.statements import ScopedStatement
from aura.database.tables import persona_signals, personas, users
from aura.errors import InvalidRequest, NotFound
from aura.identity import Scope, Verb
from aura.persona.learning import Kind, Learned, Signal, learned
from aura.persona.rendering import Style
from aura.persona.traits import AXES, CHANNELS, Axis, Channel, PersonaChanges, Traits, Value, axis_of, checked

_MOST_SIGNALS = 500
"""Of a user, the latest: older ones weigh nothing beside them."""


def stored(sight: Sight) -> ColumnElement[object]:
    """What is stored of one user in some channels, as one value of any statement: an answer waits for it.

    Its parameters are `scope_user` and `channels`. `Profile.style_of` reads it.
    """
    me = bindparam("scope_user", type_=Uuid)
    signals = persona_signals.c
    latest = (
        select(signals.channel, signals.axis, signals.towards, signals.kind, signals.created_at, signals.message_id)
        .where(sight.sees(persona_signals), signals.user_id == me)
        .where(signals.channel == any_(bindparam("channels", type_=ARRAY(Text))))
        .order_by(signals.created_at.desc(), signals.id)
        .limit(_MOST_SIGNALS)
        .subquery()
    )
    chosen = select(personas.c.chosen).where(sight.sees(personas), personas.c.user_id == me)
    given = select(func.jsonb_agg(func.jsonb_build_array(*latest.c)))
    return func.jsonb_build_object(
        literal("chosen", Text),
        func.coalesce(chosen.scalar_subquery(), func.jsonb_build_object()),
        literal("signals", Text),
        func.coalesce(given.scalar_subquery(), func.jsonb_build_array()),
    )


_STORED: Final = ScopedStatement(lambda sight: select(stored(sight).label("kept")))


class Persona(msgspec.Struct, frozen=True, kw_only=True):
    """How answers are said to a user. `traits` holds what counts: chosen, else learned of text, else the organisation's.

    `locked` are the axes that were chosen and do not move. `learned` is what was learned, by channel and axis; on a locked
    axis it does not count.
    """

    traits: Traits
    locked: tuple[Axis, ...]
    learned: Mapping[Channel, Mapping[Axis, Learned]]


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """A signal as the database sends it."""

    channel: Channel
    axis: Axis
    towards: str
    kind: Kind
    created_at: datetime
    message_id: UUID

    @property
    def signal(self) -> Signal:
        return Signal(
            axis=self.axis, towards=self.towards, kind=self.kind, at=self.created_at, message_id=self.message_id
        )


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a user's persona."""

    chosen: dict[Axis, Value] = {}
    signals: tuple[_Row, ...] = ()


class Profile:
    """The persona of a scope's user. Without a user there is the organisation's own, which its settings hold.

    Args:
        default: the organisation's own.
        readable: False for who acts for the user, and may not see what is the user's.
        writable: the same for who may not change it.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        *,
        clock: Clock,
        default: Traits,
        readable: bool = True,
        writable: bool = True,
    ) -> None:
        self._database = database
        self._scope = scope
        self._clock = clock
        self._default = default
        self._readable = readable
        self._writable = writable

    async def get(self) -> Persona:
        """The persona as it is now, with all its evidence. Cost: one transaction.

        Raises:
            Denied: an API key acts that may not `read`.
            NotFound: it may not be seen by who acts.
        """
        self._scope.require(Verb.READ)
        if not self._readable:
            raise _unseen()
        async with self._database.tenant(self._scope) as session:
            return self._persona(await self._kept(session))

    async def style(self, channel: Channel = "text") -> Style:
        """What an answer in this channel is told of the persona. Cost: one transaction."""
        if self._scope.user_id is None:
            return Style.of(self._default)
        async with self._database.tenant(self._scope) as session:
            return self._style(await self._kept(session, channel), channel)

    def style_of(self, kept: object, channel: Channel) -> Style:
        """As `style`, of what a statement has brought as `stored`."""
        return self._style(msgspec.convert(kept, _Kept), channel)

    def _style(self, kept: _Kept, channel: Channel) -> Style:
        return Style.of(self._traits(kept.chosen, self._learned(kept, channel)))

    async def set(self, changes: PersonaChanges) -> Persona:
        """Choose: a value locks its axis. The persona as it is then.

        Raises:
            InvalidRequest: a value can not be used, or nobody acts who could have a persona; `field` names it.
            Denied: an API key acts that may not `write`.
            NotFound: it may not be changed by who acts.
        """
        self._require_own()
        async with self._database.tenant(self._scope) as session:
            await self._lock(session)
            kept = await self._kept(session)
            chosen = _changed(self._persona(kept), kept.chosen, changes)
            await session.execute(
                update(personas).where(self._mine(personas)).values(chosen=chosen, updated_at=self._clock.now())
            )
        return self._persona(msgspec.structs.replace(kept, chosen=chosen))

    async def forget(self, *, axis: str | None = None, channel: str | None = None) -> Persona:
        """Forget what was learned, of one axis or one channel if named; what was chosen stays. The persona as it is then.

        Raises:
            InvalidRequest: there is no such axis or channel, or nobody acts who could have a persona.
            Denied: an API key acts that may not `write`.
            NotFound: it may not be changed by who acts.
        """
        self._require_own()
        gone = delete(persona_signals).where(self._mine(persona_signals))
        if axis is not None:
            gone = gone.where(persona_signals.c.axis == axis_of(axis, field="axis"))
        if channel is not None:
            if channel not in CHANNELS:
                raise InvalidRequest(f"there is no channel {channel[:20]!r}: text or voice", field="channel")
            gone = gone.where(persona_signals.c.channel == channel)
        async with self._database.tenant(self._scope) as session:
            await session.execute(gone)
            return self._persona(await self._kept(session))

    async def preview(self, changes: PersonaChanges) -> Persona:
        """The persona as `set` would leave it; nothing is changed.

        Raises:
            InvalidRequest: a value can not be used; `field` names it.
            NotFound: it may not be seen by who acts.
        """
        if not self._readable:
            raise _unseen()
        async with self._database.tenant(self._scope) as session:
            kept = await self._kept(session)
        chosen = _changed(self._persona(kept), kept.chosen, changes)
        return self._persona(msgspec.structs.replace(kept, chosen=chosen))

    async def _kept(self, session: AsyncConnection, *channels: Channel) -> _Kept:
        """What is stored, in one statement: an answer waits for it."""
        if self._scope.user_id is None:
            return _Kept()
        row = (await _STORED.run(session, self._scope, {"channels": list(channels or CHANNELS)})).one()
        return msgspec.convert(row.kept, _Kept)

    def _learned(self, kept: _Kept, channel: Channel) -> dict[Axis, Learned]:
        given = [row.signal for row in kept.signals if row.channel == channel]
        return learned(given, self._default, self._clock.now()) if given else {}

    def _persona(self, kept: _Kept) -> Persona:
        found: dict[Channel, dict[Axis, Learned]] = {channel: self._learned(kept, channel) for channel in CHANNELS}
        return Persona(
            traits=self._traits(kept.chosen, found["text"]),
            locked=tuple(axis for axis in AXES if axis in kept.chosen),
            learned=found,
        )

    def _traits(self, chosen: Mapping[Axis, Value], found: Mapping[Axis, Learned]) -> Traits:
        return self._default.replaced({**{axis: each.value for axis, each in found.items()}, **chosen})

    async def _lock(self, session: AsyncConnection) -> None:
        """The user's row, made if there is none and held, so that two changes come one after the other."""
        mine = {"tenant_id": self._scope.tenant_id, "user_id": self._scope.user_id}
        known = select(users.c.id).where(visible(users, self._scope), users.c.id == self._scope.user_id)
        if await session.scalar(known.with_for_update(read=True, key_share=True)) is None:
            raise NotFound("there is no such user")
        await session.execute(insert(personas).values(mine).on_conflict_do_nothing())
        await session.execute(select(personas.c.user_id).where(self._mine(personas)).with_for_update())

    def _mine(self, table: Table) -> ColumnElement[bool]:
        return and_(visible(table, self._scope), table.c.user_id == self._scope.user_id)

    def _require_own(self) -> None:
        self._scope.require(Verb.WRITE)
        if not self._writable:
            raise _unseen()
        if self._scope.user_id is None:
            raise InvalidRequest(
                "only a member has a persona: log in as one, or set the organisation's own, custom_settings.persona",
                field="user_id",
            )


def _unseen() -> NotFound:
    return NotFound("there is no such persona")


def _changed(before: Persona, chosen: Mapping[Axis, Value], changes: PersonaChanges) -> dict[Axis, Value]:
    """What is chosen after `changes`."""
    given: dict[Axis, object] = {axis: value for axis in AXES if (value := getattr(changes, axis)) is not msgspec.UNSET}
    values: dict[Axis, Value] = {axis: checked(axis, value) for axis, value in given.items() if value is not None}
    after: dict[Axis, Value] = {**{axis: value for axis, value in chosen.items() if axis not in given}, **values}
    if changes.locked is msgspec.UNSET:
        return after
    locked: set[Axis] = {axis_of(name, field="locked") for name in changes.locked}
    for axis, value in values.items():
        if axis not in locked and value != before.traits.value(axis):
            raise InvalidRequest(f"{axis} is given a value, which locks it: name it in locked too", field="locked")
    kept: dict[Axis, Value] = {axis: after.get(axis, before.traits.value(axis)) for axis in AXES if axis in locked}
    return kept
