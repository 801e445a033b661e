"""A platform with two organisations that have a bit of everything, and ways to look at all of what one has."""

from __future__ import annotations

import json
import zipfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from llama_index.core.llms import MockLLM
from llama_index.core.schema import TextNode
from psycopg import sql
from pydantic import PrivateAttr

from aura.answering.events import Answer, Citation, Timings
from aura.archive import Archive
from aura.database.embedded import EmbeddedServer
from aura.database.engine import Database
from aura.documents.files import Files
from aura.documents.values import Stage
from aura.identity import ConversationId, Scope, TenantId
from aura.memory.deriving import Deriver
from aura.memory.values import MemorySettings
from aura.persona.traits import PersonaChanges
from aura.platform import Aura
from aura.settings import Settings
from aura.tenants.organisations import Organisations
from aura.tenants.passwords import Passwords
from aura.tenants.values import Organisation, OrganisationChanges
from aura.testing.embeddings import HashEmbedding
from aura.workspace import Workspace

PASSWORD = "correct horse battery"
MEMBER = "bea@member.test"
PROVIDER_KEY = "sk-canary-0123456789abcdef"
QUERIES = (
    "How long may customers return an opened product?",
    "express shipping",
    "Wie lange dauert die Rückgabe?",
    "E-4711",
    "the staff discount",
    "zephyrine",
)


class CountingEmbedding(HashEmbedding):
    """Knows which texts it had to embed."""

    _encoded: list[str] = PrivateAttr(default_factory=list)

    @property
    def encoded(self) -> list[str]:
        return self._encoded

    def encode(self, texts: list[str]) -> object:
        self._encoded.extend(texts)
        return super().encode(texts)


@dataclass(frozen=True)
class Platform:
    """An open platform, and the parts that archives are made of."""

    aura: Aura
    server: EmbeddedServer
    database: Database
    files_dir: Path
    embedding: CountingEmbedding
    passwords: Passwords

    @property
    def files(self) -> Files:
        return Files(self.files_dir, max_bytes=2**30)

    def archive(self, **parts: object) -> Archive:
        """An `Archive`, with other parts where they are named."""
        database, files, embedder = (
            parts.get(name, own)
            for name, own in (("database", self.database), ("files", self.files), ("embedder", self.embedding))
        )
        return Archive(database, files, embedder, memory_key=b"a key of the tests")  # type: ignore[arg-type]

    async def furnish(self, name: str) -> Workspace:
        """An organisation with something in every table, all of whose texts name it."""
        subdomain = new_subdomain(name)
        admin = await self.aura.tenants.create(
            organization_name=f"{name} Ltd", subdomain=subdomain, admin_email=f"ada@{name}.test", password=PASSWORD
        )
        organisations = Organisations(self.database, passwords=self.passwords)
        changes = OrganisationChanges(
            custom_settings={"greeting": f"hello {name}"}, brand_colors={"primary": "#0a5fd7"}
        )
        await organisations.update(admin.organisation.id, changes)
        await admin.users.add(email=MEMBER, password=PASSWORD, name=f"Bea of {name}")
        await admin.provider_keys.set("openai", PROVIDER_KEY)
        await admin.collections.create("policies", description=f"what {name} decided")
        admin = await self.aura.workspace(subdomain)
        await _add_documents(self.aura, admin, name)
        await _add_nodes(admin, self.embedding, name)
        await _talk(admin, name)
        member = await self.aura.workspace(subdomain, MEMBER)
        await _remember(member)
        await _talk(member, name)
        await _teach(member)
        return admin


async def _add_documents(aura: Aura, admin: Workspace, name: str) -> None:
    bea = await aura.workspace(admin.organisation, MEMBER)
    await ingest(admin, "returns.md", returns(name, days=30))
    await ingest(admin, "returns.md", returns(name, days=47))
    await ingest(admin, "shipping.txt", shipping(name), collection="policies")
    await ingest(admin, "shipping.txt", "  \n ", collection="policies", expected=Stage.FAILED)
    await ingest(admin, "empty.txt", " \n\n ", expected=Stage.FAILED)
    await ingest(bea, "diary.txt", f"Bea of {name} keeps the staff discount of 23 % to herself.", visibility="private")
    await admin.documents.add(f"Nobody worked on this one of {name} yet.".encode(), "waiting.txt")


async def ingest(
    workspace: Workspace, filename: str, text: str, *, expected: Stage = Stage.READY, **options: str
) -> UUID:
    """Ingest a text; the document's id."""
    stages = [p async for p in workspace.documents.ingest(text.encode(), filename=filename, **options)]
    assert stages[-1].stage is expected, stages[-1]
    assert stages[-1].document_id is not None
    return stages[-1].document_id


async def _add_nodes(workspace: Workspace, embedding: HashEmbedding, name: str) -> None:
    texts = [f"Node {i} of {name}: the canary is called zephyrine {'and sings ' * i}" for i in range(3)]
    nodes = [
        TextNode(id_=f"node-{i}", text=text, metadata={"place": f"{name}-{i}", "weight": 0.5 + i, "none": None})
        for i, text in enumerate(texts)
    ]
    for node, vector in zip(nodes, await embedding.embed(texts), strict=True):
        node.embedding = vector.tolist()
    await workspace.index.vector_store.async_add(nodes)


async def _talk(workspace: Workspace, name: str) -> None:
    passage = (await workspace.search("return an opened product"))[0]
    citation = Citation(
        marker=1,
        document_id=passage.document_id,
        version=passage.version,
        filename=passage.filename,
        page=passage.page,
        start=passage.start,
        end=passage.end,
        quote=passage.text,
        chunk_id=passage.chunk_id,
    )
    conversation = await workspace.conversations.start()
    for turn in range(3):
        answer = Answer(
            response_id=uuid4(),
            question=f"Question {turn} to {name}",
            text=f"Answer {turn} of {name} [1]",
            citations=(citation,) if turn else (),
            sources=(passage,),
            refused=not turn,
            model="mock",
            cost_usd=0.000123,
            timings=Timings(),
            conversation_id=conversation,
        )
        await workspace.conversations.add_turn(conversation, answer.question, answer)


async def _teach(workspace: Workspace) -> None:
    """Choose a persona, and show one by what is said."""
    await workspace.persona.set(PersonaChanges(formality=0.75, language="de"))
    (talk, *_) = (await workspace.conversations.list()).items
    await workspace.conversations.pin(talk.id)
    for said in (message for message in await workspace.conversations.recent(talk.id) if message.role == "assistant"):
        await workspace.feedback(said.id, -1, "too long")


async def _remember(workspace: Workspace) -> None:
    """Learn some facts, forget one, close one, and leave one to be learned."""
    parts, talk = workspace._parts, await workspace.conversations.start()
    for said in ("My name is Bea.", "I live in Berlin.", "I live in Rome.", "I work as a nurse."):
        await _say(workspace, talk, said)
    deriver = Deriver(parts.database, parts.embedder, key=parts.memory_key)
    await deriver.derive(workspace.scope.tenant_id, talk)
    (forgotten,) = [fact for fact in (await workspace.memory.facts.list()).items if "nurse" in fact.text]
    await workspace.memory.facts.delete(forgotten.id)
    await workspace.memory.configure(MemorySettings(time_zone="Europe/Berlin"))
    await _say(workspace, talk, "I like tea.")


async def _say(workspace: Workspace, talk: ConversationId, text: str) -> None:
    answer = Answer(
        response_id=uuid4(),
        question=text,
        text="Noted.",
        citations=(),
        sources=(),
        refused=False,
        model="mock",
        cost_usd=0.0,
        timings=Timings(),
        conversation_id=talk,
    )
    await workspace.conversations.add_turn(talk, text, answer)


def returns(name: str, *, days: int) -> str:
    body = "".join(f"Rule {i} of {name}: product group {i} goes back to shelf {i * 7}.\n\n" for i in range(60))
    return (
        f"# Returns at {name}\n\nCustomers may return an opened product within {days} days.\n\n## Rückgabe\n\n"
        f"Die Rückgabe dauert {days} Tage. Error E-4711 means that the label is torn.\n\n## Rules\n\n{body}"
    )


def shipping(name: str) -> str:
    lines = (
        f"Line {i}: {name} sends parcels of {i} kilograms by express shipping for {i + 9} euros." for i in range(50)
    )
    return "\n".join(lines)


def new_subdomain(name: str = "t") -> str:
    return f"{name}-{uuid4().hex[:12]}"


@asynccontextmanager
async def open_platform(server: EmbeddedServer, data_dir: Path) -> AsyncGenerator[Platform]:
    """The platform in `data_dir`, where `server` runs; nothing works there by itself."""
    embedding = CountingEmbedding()
    settings = Settings(data_dir=data_dir)
    async with Aura.open(settings, embed_model=embedding, llm=MockLLM(), recover=False) as aura:
        database = Database(app_url=server.url("aura_app"), system_url=server.url("aura_system"))
        passwords = Passwords(threads=1, memory_kib=8, passes=1, lanes=1)
        yield Platform(aura, server, database, data_dir / "files", embedding, passwords)
        passwords.close()
        await database.close()


# -- looking at everything ---------------------------------------------------------------------------------------------


def tenant_tables(connection: psycopg.Connection) -> list[str]:
    """Every table that has a `tenant_id`, by the database's own catalogue."""
    query = """SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND c.relnamespace = 'public'::regnamespace ORDER BY 1"""
    return [str(row[0]) for row in connection.execute(query).fetchall()]


def rows_of(server: EmbeddedServer, tenant_id: TenantId) -> dict[str, list[str]]:
    """Every row of a tenant in every table, as the superuser sees it, as text."""
    with psycopg.connect(server.url("postgres")) as connection:
        found: dict[str, list[str]] = {}
        for table in tenant_tables(connection):
            query = sql.SQL("SELECT t::text FROM {} t WHERE tenant_id = %s ORDER BY 1").format(sql.Identifier(table))
            found[table] = [row[0] for row in connection.execute(query, [tenant_id]).fetchall()]
        query = "SELECT o::text FROM organisations o WHERE id = %s"
        found["organisations"] = [row[0] for row in connection.execute(query, [tenant_id]).fetchall()]
    return found


def files_of(files_dir: Path, tenant_id: TenantId) -> dict[str, str]:
    """The SHA-256 of every file of a tenant, by its path."""
    folder = files_dir / str(tenant_id)
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in paths}


def everything(platform: Platform) -> tuple[dict[str, int], frozenset[str]]:
    """How many rows each table has, and every path below the files' folder: what a failure must leave as it was."""
    with psycopg.connect(platform.server.url("postgres")) as connection:
        counts = {}
        for table in [*tenant_tables(connection), "organisations"]:
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            row = connection.execute(query).fetchone()
            assert row is not None
            counts[table] = row[0]
    return counts, frozenset(str(path) for path in platform.files_dir.rglob("*"))


async def found_by(workspace: Workspace) -> list[tuple[object, ...]]:
    """What every query finds, in each mode, with all scores."""
    return [
        (query, mode, p.filename, p.chunk_id, p.text, p.score, p.dense_score, p.bm25_score)
        for query in QUERIES
        for mode in ("hybrid", "dense", "bm25")
        for p in await workspace.search(query, mode=mode)
    ]


# -- archives that nobody should trust ---------------------------------------------------------------------------------


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as source:
        return {name: source.read(name) for name in source.namelist()}


def manifest_of(archive: Path) -> dict[str, object]:
    return json.loads(members(archive)["manifest.json"])


def pack(target: Path, contents: Mapping[str, bytes], change: Callable[[dict], object] = lambda manifest: None) -> Path:
    """An archive of `contents` with a manifest that fits them, after `change`."""
    manifest = json.loads(contents["manifest.json"])
    rest = {name: data for name, data in contents.items() if name != "manifest.json"}
    known = manifest["members"]
    manifest["members"] = {
        name: {
            "bytes": len(data),
            "sha256": sha256(data).hexdigest(),
            "rows": data.count(b"\n")
            if name.endswith(".jsonl") and "/" not in name
            else known.get(name, {}).get("rows"),
        }
        for name, data in rest.items()
    }
    change(manifest)
    with zipfile.ZipFile(target, "w") as out:
        for name, data in {**rest, "manifest.json": json.dumps(manifest).encode()}.items():
            out.writestr(name, data)
    return target


def with_rows(contents: Mapping[str, bytes], name: str, change: Callable[[dict], object]) -> dict[str, bytes]:
    """`contents` with each row of a member changed."""
    rows = [json.loads(line) for line in contents[name].splitlines()]
    for row in rows:
        change(row)
    return {**contents, name: b"".join(json.dumps(row).encode() + b"\n" for row in rows)}


def as_service(organisation: Organisation) -> Scope:
    return Scope(tenant_id=organisation.id).as_service()
