import { screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { logOut } from "@/session/session";
import { FakeServer, LOGIN, problem } from "@/testing/fake-server";
import { show } from "@/testing/render";
import { ownPath } from "./frame";
import { Component as LogIn } from "./login";
import { addressOf, Component as SignUp } from "./signup";
import { ownAddress } from "./tenant-address";

beforeEach(async () => {
  new FakeServer({ "POST /api/logout": new Response(null, { status: 204 }) });
  await logOut();
});

async function fill(user: ReturnType<typeof show>["user"]) {
  await user.type(screen.getByLabelText("Organisation"), "Acme");
  await user.type(screen.getByLabelText("E-mail"), "ann@acme.example");
  await user.type(screen.getByLabelText("Password"), "a long password");
  await user.click(screen.getByRole("button", { name: "Log in" }));
}

test("who logs in goes on to the page that was asked for, and the refresh token stays in a cookie", async () => {
  const server = new FakeServer({ "POST /api/login": LOGIN });
  const { user, router } = show(<LogIn />, { path: "/login?next=%2Flibrary" });
  await fill(user);
  await waitFor(() => expect(router.state.location.pathname).toBe("/library"));
  const [sent] = server.of("POST /api/login");
  expect(sent?.headers.get("x-aura-session")).toBe("cookie");
  expect(sent?.body).toEqual({ email: "ann@acme.example", password: "a long password", tenant_subdomain: "acme" });
  expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain("token-1");
});

test("a refusal is said, and nothing typed is lost", async () => {
  new FakeServer({ "POST /api/login": problem(401, "the credentials are not right") });
  const { user } = show(<LogIn />, { path: "/login" });
  await fill(user);
  expect(await screen.findByRole("alert")).toHaveTextContent("the credentials are not right");
  expect(screen.getByLabelText("Password")).toHaveValue("a long password");
});

test("a field that the server refuses says why", async () => {
  const taken = problem(409, "taken", [{ field: "subdomain", message: "this address is taken" }]);
  new FakeServer({ "POST /api/signup": taken });
  const { user } = show(<SignUp />, { path: "/signup" });
  await user.type(screen.getByLabelText("Name of the organisation"), "Müller & Söhne");
  await user.type(screen.getByLabelText("E-mail"), "ann@acme.example");
  await user.type(screen.getByLabelText("Password"), "a long password");
  await user.click(screen.getByRole("button", { name: "Create the organisation" }));
  const address = screen.getByLabelText("Address of your organisation");
  await waitFor(() => expect(address).toHaveAccessibleDescription(/this address is taken/));
  expect(address).toHaveValue("muller-sohne");
});

test("an address never leads away from here", () => {
  expect(ownPath("//evil.example")).toBe("/");
  expect(ownPath("https://evil.example")).toBe("/");
  expect(ownPath("/\\evil.example")).toBe("/");
  expect(ownPath("/c/1?x=2")).toBe("/c/1?x=2");
  expect(addressOf("  --A.B  ")).toBe("a-b");
});

test("an organisation's own host is told from a bare one", () => {
  expect(ownAddress("acme.aura.example")).toBe("acme");
  expect(ownAddress("acme.localhost")).toBe("acme");
  expect(["localhost", "127.0.0.1", "[::1]", "aura.example"].map(ownAddress)).toEqual([null, null, null, null]);
});
