"""compose.yaml and the Dockerfile, as far as they can be checked without a Docker engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from aura.database import security
from aura.settings import Settings

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\{(\w+)(:[-?][^}]*)?\}")
CREDENTIAL = re.compile(r"PASSWORD|SECRET|_KEY$|_URL$")

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
LONG_RUNNING = sorted(SERVICES.keys() - {"migrate"})


def instructions() -> list[tuple[str, str]]:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    split = (line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#"))
    return [(verb, rest) for verb, rest in split]


def statements(script: str) -> list[str]:
    return [statement.strip() for statement in script.split(";\n") if statement.strip()]


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def interpolated(value: str, values: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: values[found[1]], value)


def test_the_services_are_the_database_its_migration_the_server_and_a_worker() -> None:
    assert set(SERVICES) == {"postgres", "migrate", "server", "worker"}
    assert SERVICES["postgres"]["image"].startswith("pgvector/pgvector:")
    assert SERVICES["server"]["command"][:2] == ["aura", "serve"]
    assert SERVICES["worker"]["command"] == ["aura", "worker"]
    assert SERVICES["migrate"]["command"] == ["aura", "db", "upgrade"]


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_keeps_running_has_a_healthcheck_and_comes_back(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert len(check["test"]) > 1
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["server", "worker"])
def test_server_and_worker_wait_for_a_healthy_database_with_its_schema(name: str) -> None:
    assert SERVICES[name]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }


def test_every_name_that_a_service_uses_is_declared() -> None:
    for service in SERVICES.values():
        assert service.get("depends_on", {}).keys() <= SERVICES.keys()
        assert {volume.split(":")[0] for volume in service.get("volumes", ())} <= COMPOSE["volumes"].keys()
        assert {config["source"] for config in service.get("configs", ())} <= COMPOSE["configs"].keys()


def test_no_secret_stands_in_the_file() -> None:
    secrets = [
        (name, variable, value)
        for name, service in SERVICES.items()
        for variable, value in service["environment"].items()
        if CREDENTIAL.search(variable) and value is not None
    ]
    assert len(secrets) > 5
    for name, variable, value in secrets:
        required = [found[1] for found in VARIABLE.finditer(value) if (found[2] or "").startswith(":?")]
        assert required, f"{name}: {variable} holds no variable that must be filled in"
        password = re.sub(r"^postgresql://aura_\w+:", "", value).split("@")[0]
        assert not VARIABLE.sub("", password), f"{name}: {variable} holds a literal"


def test_every_variable_is_explained_in_the_example_and_every_secret_is_empty_there() -> None:
    used = {found[1] for found in VARIABLE.finditer((ROOT / "compose.yaml").read_text(encoding="utf-8"))}
    assert used == example().keys()
    assert [name for name, value in example().items() if value and CREDENTIAL.search(name)] == []


def test_the_database_is_prepared_with_the_statements_that_aura_names() -> None:
    passwords = {
        role: f"${{{role.upper()}_PASSWORD:?fill in .env}}" for role in (security.OWNER, security.APP, security.SYSTEM)
    }
    assert statements(COMPOSE["configs"]["roles"]["content"]) == security.bootstrap("aura", passwords)


def test_only_the_migration_connects_as_the_owner() -> None:
    owners = [name for name, service in SERVICES.items() if "aura_owner" in str(service["environment"])]
    assert owners == ["migrate"]


@pytest.mark.parametrize("name", ["migrate", "server", "worker"])
def test_the_environment_is_one_that_the_settings_accept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {variable: value or "0123456789abcdef" * 4 for variable, value in example().items()}
    for variable, value in SERVICES[name]["environment"].items():
        if value is not None:
            monkeypatch.setenv(variable, interpolated(value, values))
    settings = Settings.load()
    assert not settings.embedded
    assert (settings.owner_database_url is not None) == (name == "migrate")


def test_the_database_is_reachable_from_no_other_machine() -> None:
    assert "ports" not in SERVICES["postgres"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["server"]["ports"])


def test_the_image_is_built_apart_and_runs_as_an_ordinary_user() -> None:
    verbs = [verb for verb, _ in instructions()]
    assert verbs.count("FROM") == 3  # the web interface, the environment, the image
    assert [rest for verb, rest in instructions() if verb == "USER"] == ["aura"]
    final = verbs[len(verbs) - verbs[::-1].index("FROM") :]
    assert "HEALTHCHECK" in final
    assert final.index("USER") < final.index("CMD")


def test_the_image_is_built_of_what_the_build_context_holds() -> None:
    context = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        part.removeprefix("./")
        for verb, rest in instructions()
        if verb == "COPY" and not rest.startswith("--from")
        for part in rest.split()[:-1]
    }
    allowed = {line[1:] for line in context if line.startswith("!")}
    assert {part for part in copied if not any(f"{part}/".startswith(f"{line}/") for line in allowed)} == set()
    assert allowed <= copied
    assert all((ROOT / part).exists() for part in copied)
