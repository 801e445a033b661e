"""Every table, as SQLAlchemy Core sees it. The migrations create them; a test holds the two together.

Every tenant table has `tenant_id` in its primary key, its foreign keys and its unique constraints, so that the schema can
be distributed by tenant without change. `private_to` is the one member who may see a row; NULL is the whole organisation.
"""

from aura.database.tables.access import api_keys, idempotency_keys, login_attempts, sessions, tickets
from aura.database.tables.columns import metadata
from aura.database.tables.conversations import conversations, feedback, messages
from aura.database.tables.documents import PARTITIONS, chunks, document_versions, documents, ingest_tasks
from aura.database.tables.index import (
    INDEX_COLUMNS,
    TERM_SPACE,
    generations,
    index_table,
    lexical_statistics,
    lexicon,
    vector_cache,
)
from aura.database.tables.memory import (
    fact_evidence,
    fact_tombstones,
    facts,
    memory_outbox,
    memory_settings,
    summaries,
)
from aura.database.tables.persona import persona_signals, personas
from aura.database.tables.recall import memory_entries
from aura.database.tables.responses import response_events, responses
from aura.database.tables.routing import (
    budget_reservations,
    budget_spent,
    budgets,
    platform_reservations,
    platform_spent,
    platform_usage,
    route_health,
    routing_models,
)
from aura.database.tables.tenancy import collections, organisations, provider_keys, users
from aura.database.tables.usage import audit, counters, usage, usage_daily
from aura.database.tables.voice import voice_sessions, voice_turns
from aura.database.tables.webhooks import webhook_deliveries, webhooks

PRIVATE_TABLES = frozenset({"documents", "document_versions", "chunks"})
"""Tenant tables with rows that may be private to a member, by `private_to`."""

MEMORY_TABLES = frozenset(
    {"facts", "fact_evidence", "fact_tombstones", "memory_outbox", "summaries", "memory_settings", "memory_entries"}
)
"""Personal tables that are derived from turns, or say how."""

PERSONAL_TABLES = MEMORY_TABLES | {
    "conversations",
    "messages",
    "feedback",
    "responses",
    "response_events",
    "sessions",
    "personas",
    "persona_signals",
    "voice_sessions",
}
"""Tenant tables whose rows belong to one user, by `user_id`."""

PLATFORM_TABLES = frozenset(
    {"organisations", "login_attempts", "platform_spent", "platform_reservations", "platform_usage", "route_health"}
)
"""What is there before a tenant is known, or of the platform as a whole."""

APPEND_ONLY_TABLES = frozenset({"audit"})
"""Tenant tables whose rows are never changed, and go only with their organisation."""

TENANT_TABLES = tuple(t for t in metadata.sorted_tables if t.name not in PLATFORM_TABLES)
"""In the order of their foreign keys: insert forwards, delete backwards."""

__all__ = (
    "APPEND_ONLY_TABLES", "INDEX_COLUMNS", "MEMORY_TABLES", "PARTITIONS", "PERSONAL_TABLES", "PLATFORM_TABLES",
    "PRIVATE_TABLES", "TENANT_TABLES", "TERM_SPACE", "api_keys", "audit", "budget_reservations", "budget_spent",
    "budgets", "chunks", "collections", "conversations", "counters", "document_versions", "documents", "fact_evidence",
    "fact_tombstones", "facts", "feedback", "generations", "idempotency_keys", "index_table", "ingest_tasks",
    "lexical_statistics", "lexicon", "login_attempts", "memory_entries", "memory_outbox", "memory_settings", "messages",
    "metadata", "organisations", "persona_signals", "personas", "platform_reservations", "platform_spent",
    "platform_usage", "provider_keys", "response_events", "responses", "route_health", "routing_models", "sessions",
    "summaries", "tickets", "usage", "usage_daily", "users", "vector_cache", "voice_sessions",
    "voice_turns", "webhook_deliveries", "webhooks",
)  # fmt: skip
