"""A database of an older AURA comes to what a new one has, with the tables that were made meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from aura.database import migrations, security
from aura.database.embedded import EmbeddedServer
from aura.database.engine import psycopg_url

TENANT, GENERATION = uuid4(), uuid4()


@pytest.fixture(scope="module")
def old(server: EmbeddedServer) -> Iterator[str]:
    """The address, for its owner, of a database before the policies were worked out once for each statement."""
    name = f"old_{uuid4().hex}"
    address = make_url(server.url("postgres"))
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(address.set(database=name).render_as_string(hide_password=False)) as connection:
        for statement in security.open_database(name):
            connection.execute(statement.encode())
    owner = make_url(server.url("aura_owner")).set(database=name).render_as_string(hide_password=False)
    migrate(owner, "0011")
    with psycopg.connect(owner) as connection:
        connection.execute(f"SET aura.tenant_id = '{TENANT}'".encode())
        connection.execute("SELECT aura_create_pooled_index(8)")
        connection.execute("SELECT aura_create_dedicated_index(%s, 8)", [GENERATION])
    migrate(owner, "head")
    yield owner
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def migrate(owner: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.HERE).replace("%", "%%"))
    engine = create_engine(psycopg_url(owner))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()


def policies(address: str) -> dict[str, tuple[str, str]]:
    query = """
        SELECT tablename::text, qual, with_check FROM pg_policies WHERE schemaname = 'public' AND policyname = 'tenant'"""
    with psycopg.connect(address) as connection:
        return {str(table): (str(seen), str(written)) for table, seen, written in connection.execute(query)}


def test_each_table_has_the_policy_that_a_new_database_gives_it(server: EmbeddedServer, old: str) -> None:
    found, fresh = policies(old), policies(server.url("postgres"))
    dedicated = f"index_g_{GENERATION.hex}"
    assert {"index_8", dedicated, "index_384", "memory_entries", "organisations"} <= set(found)
    for table, policy in found.items():
        model = "index_384" if table.startswith("index_") else table
        assert policy == fresh[model], table
        assert policy[0] == policy[1], table


def test_an_index_that_is_made_afterwards_has_it_too(old: str) -> None:
    with psycopg.connect(old) as connection:
        connection.execute(f"SET aura.tenant_id = '{TENANT}'".encode())
        connection.execute("SELECT aura_create_pooled_index(16)")
    found = policies(old)
    assert found["index_16"] == found["index_8"]
