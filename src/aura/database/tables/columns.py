"""The metadata that every table belongs to, and the columns that many have."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(referred_table_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def tenant() -> Column[UUID]:
    """Whose row it is. Goes with the organisation."""
    return Column("tenant_id", Uuid, ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False)


def moment(name: str) -> Column[datetime]:
    """A time, now unless it is given."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def json_object(name: str) -> Column[object]:
    """A JSON object, empty unless it is given."""
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"))
