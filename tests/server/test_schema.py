"""What schemathesis makes of the OpenAPI document, with an admin's token: every answer is one that the document knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from server_support import Served, bearer, new_tenant

from aura.identity import Role

EXAMPLES = 15
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
APART = {
    "GET /documents/events",  # has no end
    "POST /api/logout",  # ends the session
    "POST /api/signup",  # may make hundreds of organisations
    "POST /signup",
    "DELETE /tenant",
}
"""Operations that other tests try."""


@cache
def document() -> dict[str, Any]:
    """The document without its escape: a status counts as documented where it is named."""
    read = msgspec.json.decode(DOCUMENT.read_bytes())
    for methods in read["paths"].values():
        for operation in methods.values():
            del operation["responses"]["default"]
    return read


@cache
def operations() -> dict[str, APIOperation[Any, Any, Any]]:
    schema = schemathesis.openapi.from_dict(document())
    found = (result.ok() for result in schema.get_all_operations())
    return {f"{each.method.upper()} {each.path}": each for each in found}


def names() -> list[str]:
    """What is tried: all that is not apart."""
    return [
        f"{method.upper()} {path}"
        for path, methods in document()["paths"].items()
        for method in methods
        if f"{method.upper()} {path}" not in APART
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def token(world: Served) -> AsyncIterator[str]:
    tenant = await new_tenant(world.aura, f"schema{uuid4().hex[:8]}")
    yield tenant.tokens[Role.ADMIN]


@pytest.mark.parametrize("name", names())
async def test_every_answer_is_one_that_the_document_knows(address: str, token: str, name: str) -> None:
    operation, found = operations()[name], list[str]()

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def attempt(case: Any) -> None:
        answer = case.call(base_url=address, headers=bearer(token), timeout=30)
        try:
            case.validate_response(answer, checks=CHECKS)
        except (Failure, FailureGroup) as failure:
            sent = f"{case.formatted_path} {case.query} {case.body!r}"
            found.append(f"{answer.status_code}: {failure}\nsent: {sent[:500]}\ngot: {answer.text[:300]}")

    await asyncio.to_thread(attempt)
    assert not found, f"{name}: {len(found)} of {EXAMPLES}\n{found[0]}"


async def test_the_token_was_good_to_the_end(client: httpx.AsyncClient, token: str) -> None:
    assert (await client.get("/tenant", headers=bearer(token))).status_code == 200
