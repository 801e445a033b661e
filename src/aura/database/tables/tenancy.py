"""Organisations, their members, their keys for providers and their collections."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from aura.database.tables.columns import json_object, metadata, moment, tenant

organisations = Table(
    "organisations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_name", Text, nullable=False),
    Column("subdomain", Text, nullable=False, unique=True),
    Column("admin_email", Text, nullable=False),
    Column("subscription_tier", Text, nullable=False),
    moment("created_at"),
    Column("max_users", Integer, nullable=False),
    Column("max_storage_gb", Integer, nullable=False),
    Column("max_api_calls_monthly", Integer, nullable=False),
    json_object("custom_settings"),
    Column("custom_logo", Text),
    json_object("brand_colors"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("expires_at", DateTime(timezone=True)),
    Column("max_voice_sessions", Integer),
    Column("max_voice_minutes_monthly", Integer),
)
"""`max_voice_…` NULL: as the plan has it."""

users = Table(
    "users",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("email", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=text("''")),
    json_object("persona_settings"),
    Column("voice_preference", Text),
    Column("can_upload_documents", Boolean, nullable=False),
    Column("can_modify_ai_settings", Boolean, nullable=False),
    Column("can_view_analytics", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "email"),
)

provider_keys = Table(
    "provider_keys",
    metadata,
    tenant(),
    Column("provider", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "provider"),
)

collections = Table(
    "collections",
    metadata,
    tenant(),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=text("''")),
    moment("created_at"),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "name"),
)
