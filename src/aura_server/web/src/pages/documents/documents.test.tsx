import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import type { DocumentResponse } from "@/api/schema";
import { FakeServer, LOGIN, problem } from "@/testing/fake-server";
import { asAdmin, showRoutes } from "@/testing/render";
import { found, sorted, withDocument } from "./document-data";
import { Component as Documents } from "./documents-page";
import { added } from "./receipts";
import { clearEnded } from "./uploads";

const GENERAL = "00000000-0000-0000-0000-0000000000c1";

function document(filename: string, changes: Partial<DocumentResponse> = {}): DocumentResponse {
  return {
    id: `id-of-${filename}`,
    filename,
    status: "ready",
    stage: "ready",
    percent: 100,
    eta_seconds: null,
    reason: null,
    can_retry: false,
    version: 1,
    size_bytes: 1_000,
    chunks: 2,
    pages: null,
    media_type: "text/plain",
    visibility: "organization",
    collection_id: GENERAL,
    owner_id: null,
    created_at: "2026-11-26T06:00:00Z",
    updated_at: "2026-11-26T06:00:00Z",
    ...changes,
  };
}

const RECEIPT = {
  cache_entries: 0,
  chunks: 2,
  conversations: 0,
  documents: 1,
  facts: 0,
  files: 1,
  messages: 0,
  persona: 0,
  responses: 0,
  summaries: 0,
  users: 0,
  vectors: 2,
};

async function served(documents: readonly DocumentResponse[]): Promise<FakeServer> {
  const server = new FakeServer({
    "POST /api/login": LOGIN,
    "GET /documents/": { items: documents, next_cursor: null },
    "GET /collections": {
      items: [{ id: GENERAL, name: "general", description: "", created_at: "2026-11-26T06:00:00Z" }],
    },
    "GET /documents/events": problem(403, "not now"),
  });
  await asAdmin();
  return server;
}

/** Has the browser's dialog answered with `file`, the next time that it is opened. */
function choosing(file: File): void {
  vi.spyOn(HTMLInputElement.prototype, "click").mockImplementation(function (this: HTMLInputElement) {
    Object.defineProperty(this, "files", { value: [file] });
    this.onchange?.(new Event("change"));
  });
}

beforeEach(clearEnded);

test("a document on its way shows its stage, how far it is and how long it will take", async () => {
  const busy = document("a.pdf", { status: "processing", stage: "embedding", percent: 42, eta_seconds: 7 });
  await served([busy]);
  showRoutes([{ path: "/library/*", element: <Documents /> }], "/library");
  const row = (await screen.findByRole("link", { name: "a.pdf" })).closest("tr");
  expect(row).toHaveTextContent("Embedding42% · 7 sec left");
  expect(screen.getByRole("progressbar", { name: "Progress of “a.pdf”" })).toHaveValue(0.42);
});

test("a failed document says why and is tried again", async () => {
  const failed = document("b.pdf", { status: "failed", stage: "failed", reason: "it took too long", can_retry: true });
  const server = await served([failed]);
  server.on(`POST /documents/${failed.id}/retry`, { ...failed, status: "queued", stage: "queued" });
  const { user } = showRoutes([{ path: "/library/*", element: <Documents /> }], "/library");
  expect(await screen.findByText("it took too long")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Try again: b.pdf" }));
  await waitFor(() => expect(server.of(`POST /documents/${failed.id}/retry`)).toHaveLength(1));
});

test("a document that would fail each time is offered another file, which takes its name, and no other try", async () => {
  const server = await served([document("b.pdf", { status: "failed", stage: "failed", reason: "it is encrypted" })]);
  const { user } = showRoutes([{ path: "/library/*", element: <Documents /> }], "/library");
  expect(await screen.findByText("it is encrypted")).toBeVisible();
  expect(screen.queryByRole("button", { name: /^Try again/ })).toBeNull();
  server.on("POST /documents/", { documents: [{ ...document("b.pdf"), duplicate: true }] });
  choosing(new File(["mended"], "b without password.pdf"));
  await user.click(screen.getByRole("button", { name: "Choose the file again: b.pdf" }));
  vi.restoreAllMocks();
  expect(await screen.findByText("Known already")).toBeVisible();
  expect(screen.queryByText("b without password.pdf")).toBeNull();
});

test("a document that is gone leads back to the others, and is not looked for again", async () => {
  await served([]);
  showRoutes([{ path: "/library/*", element: <Documents /> }], "/library/nowhere");
  expect(await screen.findByText("there is no such thing")).toBeVisible();
  expect(screen.getByRole("link", { name: "Back to all documents" })).toHaveAttribute("href", "/library");
  expect(screen.queryByRole("button", { name: "Try again" })).toBeNull();
});

test("chosen documents are deleted together, and the receipt counts all of them", async () => {
  const both = [document("a.md"), document("b.md"), document("c.md")];
  const server = await served(both);
  for (const each of both) server.on(`DELETE /documents/${each.id}`, { receipt: RECEIPT });
  const { user } = showRoutes([{ path: "/library/*", element: <Documents /> }], "/library");
  await user.click(await screen.findByRole("checkbox", { name: "Choose “a.md”" }));
  await user.click(screen.getByRole("checkbox", { name: "Choose “c.md”" }));
  await user.click(screen.getByRole("button", { name: "Delete 2 documents" }));
  const dialog = screen.getByRole("dialog");
  expect(within(dialog).getByText("c.md")).toBeVisible();
  await user.click(within(dialog).getByRole("button", { name: "Delete 2 documents" }));
  expect(await screen.findByText("Removed: 2 documents, 4 chunks, 4 vectors, 2 files.")).toBeVisible();
  expect(server.received.filter((each) => each.method === "DELETE").map((each) => each.path)).toEqual([
    "/documents/id-of-a.md",
    "/documents/id-of-c.md",
  ]);
});

test("chosen documents are shown to everybody or made private, as far as they are one's own", async () => {
  const [hers, private_] = [LOGIN.user_id, { visibility: "private", owner_id: LOGIN.user_id } as const];
  const all = [
    document("a.md", { owner_id: hers }),
    document("b.md", { owner_id: "another" }),
    document("c.md", private_),
  ];
  const server = await served(all);
  for (const each of all) server.on(`PATCH /documents/${each.id}`, each);
  const { user } = showRoutes([{ path: "/library/*", element: <Documents /> }], "/library");
  await user.click(await screen.findByRole("checkbox", { name: "Choose all that are shown" }));
  await user.click(screen.getByRole("button", { name: "Make private" }));
  const dialog = screen.getByRole("dialog");
  expect(within(dialog).queryByText("b.md")).toBeNull();
  await user.click(within(dialog).getByRole("button", { name: "Make private" }));
  expect(await screen.findByText("You alone see it now.")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Show to everybody" }));
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Show to everybody" }));
  expect(await screen.findByText("Everybody sees it now.")).toBeVisible();
  const sent = server.received.filter((each) => each.method === "PATCH").map((each) => [each.path, each.body]);
  expect(sent).toEqual([
    ["/documents/id-of-a.md", { visibility: "private" }],
    ["/documents/id-of-c.md", { visibility: "organization" }],
  ]);
});

test("what was not changed is said, with the reason", async () => {
  const server = await served([document("a.md", { visibility: "private" })]);
  server.on("PATCH /documents/id-of-a.md", problem(409, "another document of this name is there already"));
  const { user } = showRoutes([{ path: "/library/*", element: <Documents /> }], "/library");
  await user.click(await screen.findByRole("button", { name: "Actions for “a.md”" }));
  await user.click(screen.getByRole("menuitem", { name: "Show to everybody" }));
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Show to everybody" }));
  expect(await screen.findByText(/1 document was not changed: another document of this name/)).toBeVisible();
});

test("a refused file keeps its row with the reason, and nothing else is lost", async () => {
  const server = await served([]);
  server.on("POST /documents/", problem(413, "the body is larger than this route takes"));
  const { user, container } = showRoutes([{ path: "/library/*", element: <Documents /> }], "/library");
  await screen.findByText("No documents yet");
  const input = container.querySelector<HTMLInputElement>("input[type=file]:not([webkitdirectory])");
  if (input === null) throw new Error("there is no input for files");
  await user.upload(input, new File(["x"], "large.bin"));
  expect(await screen.findByText("the body is larger than this route takes")).toBeVisible();
  expect(screen.queryByRole("button", { name: /^Try again/ })).toBeNull(); // it would not help
  expect(server.of("POST /documents/")[0]?.headers.get("idempotency-key")).toMatch(/^[0-9a-f-]{36}$/);
});

test("a file that can not be used is chosen anew, and keeps its name and its place", async () => {
  const server = await served([]);
  const refused = { id: null, filename: "a.pdf", status: "failed", stage: "failed", percent: 0, duplicate: false };
  server.on("POST /documents/", { documents: [{ ...refused, reason: "the PDF is damaged; print it to PDF again" }] });
  const { user, container } = showRoutes([{ path: "/library/*", element: <Documents /> }], "/library");
  await screen.findByText("No documents yet");
  const input = container.querySelector<HTMLInputElement>("input[type=file]:not([webkitdirectory])");
  if (input === null) throw new Error("there is no input for files");
  await user.upload(input, new File(["x"], "a.pdf"));
  expect(await screen.findByText(/print it to PDF again/)).toBeVisible();
  expect(screen.getByText("All have ended. 1 could not be used.")).toBeVisible();
  choosing(new File(["mended"], "a (mended).PDF"));
  server.on("POST /documents/", { documents: [{ ...document("a.pdf"), duplicate: true }] });
  await user.click(screen.getByRole("button", { name: "Choose the file again: a.pdf" }));
  vi.restoreAllMocks();
  expect(await screen.findByText("Known already")).toBeVisible();
  expect(screen.getAllByText("a.pdf")).toHaveLength(1);
  expect(screen.queryByText(/print it to PDF again/)).toBeNull();
});

test("a file shows how much of it was sent, and its upload is cancelled and begun anew", async () => {
  const server = await served([]);
  const held = new Promise<never>(() => undefined);
  server.on("POST /documents/", () => held);
  const { user, container } = showRoutes([{ path: "/library/*", element: <Documents /> }], "/library");
  await screen.findByText("No documents yet");
  const input = container.querySelector<HTMLInputElement>("input[type=file]:not([webkitdirectory])");
  if (input === null) throw new Error("there is no input for files");
  await user.upload(input, new File(["x"], "large.pdf"));
  const row = (await screen.findByText("large.pdf")).closest("li");
  await waitFor(() => expect(row).toHaveTextContent("Sending50%"));
  await user.click(screen.getByRole("button", { name: "Cancel: large.pdf" }));
  await waitFor(() => expect(row).toHaveTextContent("Cancelled"));
  server.on("POST /documents/", { documents: [{ ...document("large.pdf"), duplicate: true }] });
  await user.click(screen.getByRole("button", { name: "Send again: large.pdf" }));
  await waitFor(() => expect(row).toHaveTextContent("Known already"));
  expect(server.of("POST /documents/")).toHaveLength(2);
});

test("a new version of a known document is on its way as soon as it was taken", async () => {
  const server = await served([document("a.pdf")]);
  const queued = {
    id: "id-of-a.pdf",
    filename: "a.pdf",
    status: "queued",
    stage: "queued",
    percent: 0,
    duplicate: false,
  };
  server.on("POST /documents/", { documents: [queued] });
  const { user, container } = showRoutes([{ path: "/library/*", element: <Documents /> }], "/library");
  const row = (await screen.findByRole("link", { name: "a.pdf" })).closest("tr");
  expect(row).toHaveTextContent("Ready");
  const input = container.querySelector<HTMLInputElement>("input[type=file]:not([webkitdirectory])");
  if (input === null) throw new Error("there is no input for files");
  await user.upload(input, new File(["y"], "a.pdf"));
  await waitFor(() => expect(row).toHaveTextContent("Queued0%"));
});

test("documents are found by every word of their names, and ordered as people order names", () => {
  const all = [document("Report 10.pdf"), document("report 9.pdf"), document("notes.md", { status: "failed" })];
  const any = { text: "", status: "", collection: "" };
  expect(found(all, { ...any, text: "PORT re" })).toHaveLength(2);
  expect(found(all, { ...any, status: "failed" }).map((each) => each.filename)).toEqual(["notes.md"]);
  expect(found(all, { ...any, collection: "another" })).toEqual([]);
  expect(sorted(all, "filename", false).map((each) => each.filename)).toEqual([
    "notes.md",
    "report 9.pdf",
    "Report 10.pdf",
  ]);
});

test("a change from the server replaces a document or adds it", () => {
  const list = [document("a.md")];
  expect(withDocument(list, document("a.md", { percent: 5 }))?.[0]?.percent).toBe(5);
  expect(withDocument(list, document("b.md"))).toHaveLength(2);
  expect(withDocument(undefined, document("b.md"))).toBeUndefined();
  expect(added(RECEIPT, RECEIPT).chunks).toBe(4);
});
