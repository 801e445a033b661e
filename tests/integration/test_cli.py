"""The commands on a real database: what they do, what they write, and what they end with."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from cli_platform import HANDBOOK, PASSWORD, CommandLine

from aura.database.embedded import EmbeddedServer

QUESTION = "How long do customers have to return a product?"


@pytest.fixture(scope="module")
def cli(server: EmbeddedServer, data_dir: Path) -> CommandLine:
    return CommandLine(data_dir)


@pytest.fixture(scope="module")
def acme(cli: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An organisation with a handbook, which no test changes."""
    return cli.filled_tenant(tmp_path_factory.mktemp("acme"))


@pytest.fixture
def globex(cli: CommandLine, tmp_path: Path) -> str:
    """An organisation with the same handbook, for one test to do with as it likes."""
    return cli.filled_tenant(tmp_path)


# -- tenants and users -------------------------------------------------------------------------------------------------


def test_an_organisation_is_made_listed_shown_and_deleted(cli: CommandLine) -> None:
    subdomain = f"cli-{uuid4().hex[:12]}"
    create = ["tenant", "create", subdomain, "--admin-email", "ada@acme.test", "--name", "Acme", "--tier", "premium"]
    made = cli.json(*create, "--max-users", "3", "--generate-password")

    assert made["organisation"]["organization_name"] == "Acme"
    assert (made["organisation"]["max_users"], made["organisation"]["max_storage_gb"]) == (3, 100)
    assert len(made["password"]) >= 20
    assert made["organisation"] in cli.json("tenant", "list")["items"]
    shown = cli.json("tenant", "show", subdomain)
    assert shown["organisation"] == made["organisation"]
    assert shown["use"] == {"users": 1, "used_bytes": 0, "collections": ["general"]}
    assert cli.json("tenant", "delete", subdomain, "--yes")["receipt"]["users"] == 1
    assert cli.json("tenant", "show", subdomain, code=4)["error"]["type"] == "NotFound"


def test_an_organisation_is_found_by_its_id_too(cli: CommandLine) -> None:
    subdomain = cli.new_tenant()
    tenant_id = cli.json("tenant", "show", subdomain)["organisation"]["id"]

    assert cli.json("tenant", "show", tenant_id)["organisation"]["subdomain"] == subdomain
    assert cli.json("user", "list", "--tenant", tenant_id)["items"][0]["email"] == "ada@acme.test"


def test_people_see_a_generated_password_once_and_a_typed_one_never(cli: CommandLine) -> None:
    create = ["tenant", "create", "--admin-email", "ada@acme.test"]
    generated = cli(*create, f"cli-{uuid4().hex[:12]}", "--generate-password")
    typed = cli(*create, f"cli-{uuid4().hex[:12]}", "--password-stdin", input=PASSWORD)

    assert "(shown this once)" in generated.stdout
    assert typed.exit_code == 0
    assert PASSWORD not in typed.output


def test_a_taken_sub_domain_is_a_conflict(cli: CommandLine) -> None:
    subdomain = cli.new_tenant()
    result = cli("tenant", "create", subdomain, "--admin-email", "eve@acme.test", "--generate-password")

    assert result.exit_code == 6
    assert result.stderr.startswith("error: ")


def test_without_yes_and_a_terminal_nothing_is_deleted(cli: CommandLine, acme: str) -> None:
    assert cli("tenant", "delete", acme, input="y\n").exit_code == 2
    assert cli.json("tenant", "show", acme)["use"]["used_bytes"] > 0


def test_members_are_added_and_listed(cli: CommandLine) -> None:
    subdomain = cli.new_tenant()
    add = ["user", "add", "Bob@Acme.test", "--tenant", subdomain, "--role", "manager", "--name", "Bob"]
    made = cli.json(*add, "--password-stdin", input=PASSWORD)

    assert (made["user"]["email"], made["user"]["role"]) == ("bob@acme.test", "manager")
    assert "password" not in made
    assert [user["email"] for user in cli.json("user", "list", "-t", subdomain)["items"]] == [
        "ada@acme.test",
        "bob@acme.test",
    ]


def test_a_plan_without_a_seat_left_ends_with_7(cli: CommandLine) -> None:
    subdomain = f"cli-{uuid4().hex[:12]}"
    cli.json("tenant", "create", subdomain, "--admin-email", "a@b.test", "--max-users", "1", "--generate-password")

    error = cli.json("user", "add", "b@b.test", "-t", subdomain, "--generate-password", code=7)["error"]
    assert error["type"] == "LimitExceeded"


def test_an_index_is_built_anew(cli: CommandLine, globex: str) -> None:
    made = cli.json("tenant", "reindex", globex)["generation"]

    assert made["dimension"] == 256
    assert cli.json("ask", QUESTION, "-t", globex)["refused"] is False


# -- ingest ------------------------------------------------------------------------------------------------------------


def test_files_are_ingested_with_a_line_each_and_a_summary(cli: CommandLine, tmp_path: Path) -> None:
    subdomain, folder = cli.new_tenant(), tmp_path / "files"
    (folder / "deeper").mkdir(parents=True)
    (folder / "handbook.md").write_text(HANDBOOK)
    (folder / "deeper" / "notes.txt").write_text("The cafeteria opens at 11:30.")
    result = cli("ingest", folder, "--tenant", subdomain)

    assert result.exit_code == 0
    assert {line.split(":")[0] for line in result.stderr.splitlines()} == {"✓ handbook.md", "✓ deeper/notes.txt"}
    assert "2 ready; 3 new chunks in " in result.stdout


def test_a_file_that_fails_is_named_with_its_reason_and_the_others_go_on(cli: CommandLine, tmp_path: Path) -> None:
    subdomain, good, empty = cli.new_tenant(), tmp_path / "good.md", tmp_path / "empty.md"
    good.write_text(HANDBOOK)
    empty.touch()
    missing = tmp_path / "missing" / ".." / "missing.md"
    summary = cli.json("ingest", missing, empty, good, "--tenant", subdomain, code=1)

    outcomes = {Path(file["filename"]).name: file for file in summary["files"]}
    assert (summary["ready"], summary["failed"]) == (1, 2)
    assert outcomes["good.md"]["stage"] == "ready"
    assert "no such file" in outcomes["missing.md"]["reason"]
    assert "empty" in outcomes["empty.md"]["reason"]
    people = cli("ingest", empty, "--tenant", subdomain)
    assert people.exit_code == 1
    assert outcomes["empty.md"]["reason"][:40] in people.stdout


def test_what_is_there_already_is_not_ingested_twice(cli: CommandLine, globex: str, tmp_path: Path) -> None:
    summary = cli.json("ingest", tmp_path / "handbook.md", "--tenant", globex)

    assert (summary["ready"], summary["duplicates"], summary["chunks"]) == (1, 1, 0)
    assert summary["files"][0]["duplicate"] is True


def test_with_json_and_stream_each_step_is_a_line_and_the_summary_the_last(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(HANDBOOK)
    *steps, summary = cli.lines("ingest", tmp_path / "a.md", "--tenant", cli.new_tenant(), "--stream")

    stages = [step["stage"] for step in steps]
    assert stages[-1] == "ready"
    assert {"parsing", "embedding"} <= set(stages)
    assert [step["percent"] for step in steps] == sorted(step["percent"] for step in steps)
    assert summary["ready"] == 1


def test_a_private_document_is_its_owners_alone(cli: CommandLine, tmp_path: Path) -> None:
    subdomain, diary = cli.new_tenant(), tmp_path / "diary.md"
    diary.write_text("# Diary\n\nThe surprise party is on the 14th of May.\n")
    cli.json("user", "add", "bob@acme.test", "-t", subdomain, "--generate-password")
    cli.json("ingest", diary, "-t", subdomain, "--private-to", "bob@acme.test")

    question = "When is the surprise party?"
    assert cli.json("ask", question, "-t", subdomain, "-u", "bob@acme.test")["refused"] is False
    assert cli.json("ask", question, "-t", subdomain, "-u", "ada@acme.test")["refused"] is True
    assert cli.json("documents", "list", "-t", subdomain, "-u", "ada@acme.test")["items"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--tenant", "no-such-organisation"), 4),
        (("--collection", "no-such-collection"), 4),
        (("--user", "nobody@acme.test"), 4),
        (("--private-to", "ada@acme.test", "--user", "bob@acme.test"), 2),
    ],
)
def test_what_is_not_there_ends_with_its_code(
    cli: CommandLine, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    (tmp_path / "a.md").write_text(HANDBOOK)
    tenant = () if "--tenant" in arguments else ("--tenant", cli.new_tenant())

    assert cli("ingest", tmp_path / "a.md", *tenant, *arguments).exit_code == code


# -- answers -----------------------------------------------------------------------------------------------------------


def test_an_answer_is_cited_with_file_and_quote(cli: CommandLine, acme: str) -> None:
    people, answer = cli("ask", QUESTION, "--tenant", acme), cli.json("ask", QUESTION, "--tenant", acme)

    assert "30 days" in people.stdout
    assert "[1] handbook.md\n    “Customers have 30 days to return a product.”" in people.stdout
    assert people.stderr == ""
    assert answer["citations"][0]["quote"] == "Customers have 30 days to return a product."


def test_with_json_and_stream_the_events_of_an_answer_are_lines(cli: CommandLine, acme: str) -> None:
    events = cli.lines("ask", QUESTION, "--tenant", acme, "--stream")

    assert events[0]["type"] == "sources"
    assert events[-1]["type"] == "final"
    assert "".join(event["text"] for event in events if event["type"] == "delta") == events[-1]["answer"]["text"]


def test_an_answer_that_no_document_supports_is_a_refusal_and_no_error(cli: CommandLine, acme: str) -> None:
    answer = cli.json("ask", "What is the boiling point of tungsten?", "--tenant", acme)

    assert (answer["refused"], answer["citations"]) == (True, [])


def test_an_organisation_without_documents_is_told_what_comes_first(cli: CommandLine, acme: str) -> None:
    empty = cli.new_tenant()

    assert f"aura ingest PATH --tenant {empty}" in cli("ask", QUESTION, "--tenant", empty).stderr
    assert "aura ingest" not in cli("ask", "What is the boiling point of tungsten?", "--tenant", acme).stderr


def test_an_empty_question_ends_with_2(cli: CommandLine, acme: str) -> None:
    assert cli.json("ask", "  ", "--tenant", acme, code=2)["error"]["type"] == "InvalidRequest"


def test_a_chat_answers_line_after_line_and_ends_at_quit(cli: CommandLine, acme: str) -> None:
    result = cli("chat", "-t", acme, input=f"{QUESTION}\n\n/help\nWhen is the support desk open?\n/quit\n{QUESTION}\n")

    assert result.exit_code == 0
    assert result.stdout.count("30 days to return a product [1]") == 1
    assert "8 to 18" in result.stdout


def test_a_chat_is_one_conversation_until_new(cli: CommandLine, acme: str) -> None:
    first, second, third = cli.lines("chat", "-t", acme, input=f"{QUESTION}\n{QUESTION}\n/new\n{QUESTION}\n")

    assert first["conversation_id"] == second["conversation_id"] != third["conversation_id"]


def test_a_chat_goes_on_after_a_failure_and_ends_with_its_code(cli: CommandLine, acme: str) -> None:
    failed, answer = cli.lines("chat", "-t", acme, input=f"{'x' * 100_001}\n{QUESTION}\n", code=2)

    assert failed["error"]["type"] == "InvalidRequest"
    assert answer["refused"] is False


# -- documents ---------------------------------------------------------------------------------------------------------


def test_documents_are_listed_shown_and_deleted(cli: CommandLine, globex: str) -> None:
    (listed,) = cli.json("documents", "list", "--tenant", globex)["items"]
    shown = cli.json("documents", "show", listed["id"], "--tenant", globex, "--chunks")

    assert (listed["filename"], listed["stage"]) == ("handbook.md", "ready")
    assert shown["document"] == listed
    assert "30 days" in shown["chunks"][0]["text"]
    assert listed["id"] in cli("documents", "list", "--tenant", globex).stdout
    receipt = cli.json("documents", "delete", listed["id"], "--tenant", globex, "--yes")["receipt"]
    assert (receipt["documents"], receipt["chunks"], receipt["vectors"]) == (1, 2, 2)
    assert cli.json("documents", "list", "--tenant", globex)["items"] == []
    assert cli.json("ask", QUESTION, "--tenant", globex)["refused"] is True


def test_deleting_documents_stops_before_the_first_when_one_is_not_there(cli: CommandLine, acme: str) -> None:
    (listed,) = cli.json("documents", "list", "--tenant", acme)["items"]
    cli.json("documents", "delete", listed["id"], str(uuid4()), "--tenant", acme, "--yes", code=4)

    assert len(cli.json("documents", "list", "--tenant", acme)["items"]) == 1


def test_lists_of_documents_can_be_cut_and_filtered(cli: CommandLine, globex: str, tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(f"{HANDBOOK}\n{name}")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    cli("ingest", tmp_path / "a.md", tmp_path / "b.md", tmp_path / "broken.pdf", "--tenant", globex)
    everything = ["documents", "list", "--tenant", globex]

    assert len(cli.json(*everything)["items"]) == 4
    assert [item["filename"] for item in cli.json(*everything, "--limit", "2")["items"]] == ["a.md", "b.md"]
    assert [item["filename"] for item in cli.json(*everything, "--stage", "failed")["items"]] == ["broken.pdf"]
    assert "ready" in cli.json(*everything, "--stage", "nonsense", code=2)["error"]["message"]


def test_neither_a_ready_document_nor_one_that_would_fail_each_time_is_retried(
    cli: CommandLine, globex: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    cli("ingest", tmp_path / "broken.pdf", "--tenant", globex)
    failed, ready = cli.json("documents", "list", "--tenant", globex)["items"]

    assert not failed["can_retry"]
    assert "ingest a mended file" in cli("documents", "show", failed["id"], "--tenant", globex).stdout
    for document, reason in ((failed, "fails the same way each time"), (ready, "this one is ready")):
        error = cli.json("documents", "retry", document["id"], "--tenant", globex, code=6)["error"]
        assert error["type"] == "Conflict"
        assert reason in error["message"]


def test_another_tenants_document_is_as_unknown_as_none_at_all(cli: CommandLine, acme: str) -> None:
    (listed,) = cli.json("documents", "list", "--tenant", acme)["items"]
    stranger = cli.new_tenant()
    foreign = cli.json("documents", "show", listed["id"], "--tenant", stranger, code=4)
    unknown = cli.json("documents", "show", str(uuid4()), "--tenant", stranger, code=4)

    assert foreign == unknown


# -- archives ----------------------------------------------------------------------------------------------------------


def test_an_organisation_moves_as_one_file(cli: CommandLine, acme: str, tmp_path: Path) -> None:
    archive, moved = tmp_path / "acme.aura", f"cli-{uuid4().hex[:12]}"
    written = cli.json("export", "--tenant", acme, archive)
    made = cli.json("import", archive, "--subdomain", moved)

    assert written == {"file": str(archive), "size_bytes": archive.stat().st_size}
    assert made["organisation"]["subdomain"] == moved
    assert cli.json("ask", QUESTION, "--tenant", moved)["citations"][0]["filename"] == "handbook.md"


def test_an_export_into_no_folder_names_the_folder(cli: CommandLine, acme: str, tmp_path: Path) -> None:
    error = cli.json("export", "--tenant", acme, tmp_path / "nowhere" / "acme.aura", code=4)["error"]

    assert str(tmp_path / "nowhere") in error["message"]


def test_an_import_of_nothing_and_of_anything_else_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "no.aura").write_text("this is no archive")

    assert cli.json("import", tmp_path / "none.aura", code=4)["error"]["type"] == "NotFound"
    assert cli.json("import", tmp_path / "no.aura", code=2)["error"]["type"] == "InvalidRequest"


# -- the database ------------------------------------------------------------------------------------------------------


def test_a_database_is_checked_and_upgraded(cli: CommandLine) -> None:
    checked, upgraded = cli.json("db", "check"), cli.json("db", "upgrade")

    assert checked["passed"] is True
    assert {"PostgreSQL", "pgvector", "migrations"} <= {check["subject"] for check in checked["checks"]}
    assert upgraded["before"] == upgraded["after"]


def test_the_statements_for_a_new_database_are_shown(cli: CommandLine) -> None:
    result = cli("db", "check", "--statements")

    assert "CREATE ROLE aura_owner LOGIN NOSUPERUSER" in result.stdout
    assert all(line.endswith(";") for line in result.stdout.splitlines())


def test_a_platform_moves_as_one_file(cli: CommandLine, acme: str, tmp_path: Path) -> None:
    archive, elsewhere = tmp_path / "platform.backup", CommandLine(tmp_path / "elsewhere")
    written = cli.json("db", "backup", archive)
    restored = elsewhere.json("db", "restore", archive)

    assert written["size_bytes"] == archive.stat().st_size
    assert restored["revision"] == written["revision"]
    assert elsewhere.json("ask", QUESTION, "--tenant", acme)["refused"] is False
    assert elsewhere.json("db", "restore", archive, code=6)["error"]["type"] == "Conflict"


# -- the demo; what it shows is in test_cli_process ---------------------------------------------------------------------


def test_the_demo_leaves_an_organisation_that_is_not_its_own_alone(cli: CommandLine) -> None:
    create = ("tenant", "create", "oskerdale", "--admin-email", "ada@acme.test", "--generate-password")
    made = cli.json(*create)["organisation"]

    assert cli.json("demo", code=6)["error"]["type"] == "Conflict"
    assert cli.json("tenant", "show", "oskerdale")["organisation"] == made
    assert cli.json("documents", "list", "--tenant", "oskerdale")["items"] == []
    for subdomain in ("oskerdale", "vintrisa"):
        cli("tenant", "delete", subdomain, "--yes")


# -- doctor ------------------------------------------------------------------------------------------------------------


def test_doctor_looks_at_the_database_that_is_there(cli: CommandLine) -> None:
    findings = {finding["subject"]: finding for finding in cli.json("doctor")["findings"]}

    assert findings["database"]["detail"] == "the embedded one answers and keeps tenants apart"
    assert findings["embedding model"]["present"] is True


def test_doctor_makes_nothing(tmp_path: Path) -> None:
    report = CommandLine(tmp_path / "data").json("doctor")

    assert report["passed"] is True
    assert not (tmp_path / "data").exists()


def test_doctor_names_each_unknown_variable_and_what_may_be_meant(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AURA_DATABASEURL", "x")
    monkeypatch.setenv("AURA_LMM", "x")
    report = cli.json("doctor", code=1)

    wrong = [finding for finding in report["findings"] if finding["subject"] == "environment"]
    assert [finding["repair"] for finding in wrong] == ["unset AURA_DATABASEURL", "unset AURA_LMM"]
    assert "AURA_LLM" in wrong[1]["detail"]


def test_doctor_says_what_a_model_that_is_not_here_needs(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_EMBED_MODEL", "no-such/model")
    monkeypatch.setenv("AURA_LLM", "openai:gpt-4o-mini")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    findings = {finding["subject"]: finding for finding in cli.json("doctor", code=1)["findings"]}

    assert findings["embedding model"]["present"] is False
    assert "no-such/model" in findings["embedding model"]["repair"]
    assert findings["answers"]["repair"] in ('pip install "aura[openai]"', "export OPENAI_API_KEY=…")


def test_for_each_thing_that_is_missing_doctor_has_a_command(cli: CommandLine) -> None:
    findings = cli.json("doctor")["findings"]

    assert all(finding["repair"] for finding in findings if not finding["present"])
    assert not [finding for finding in findings if finding["needed"] and not finding["present"]]
