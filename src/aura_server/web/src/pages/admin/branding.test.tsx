import { screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import type { OrganisationResponse } from "@/api/schema";
import { FakeServer, LOGIN } from "@/testing/fake-server";
import { asAdmin, show } from "@/testing/render";
import { Branding } from "./branding";
import { fitted } from "./picture";

const ACME: OrganisationResponse = {
  id: LOGIN.tenant_id,
  organization_name: "Acme",
  subdomain: "acme",
  admin_email: "admin@acme.example",
  subscription_tier: "standard",
  created_at: "2026-11-26T06:00:00Z",
  max_users: 10,
  max_storage_gb: 10,
  max_api_calls_monthly: 10_000,
  max_voice_minutes_monthly: 100,
  max_voice_sessions: 2,
  custom_settings: {},
  custom_logo: null,
  brand_colors: { primary: "#0a5cff" },
  is_active: true,
  expires_at: null,
};
const SMALL = "data:image/png;base64,AAAA";

async function shown(of: OrganisationResponse = ACME) {
  const server = new FakeServer({ "POST /api/login": LOGIN, "PATCH /tenant": of });
  await asAdmin();
  const { user, container } = show(<Branding of={of} />);
  const input = container.querySelector<HTMLInputElement>("input[type=file]");
  if (input === null) throw new Error("there is no input for a logo");
  return { server, user, input };
}

const sent = (server: FakeServer) => server.of("PATCH /tenant").map((each) => each.body);

test("a chosen picture is drawn anew and kept as the logo", async () => {
  vi.stubGlobal("createImageBitmap", async () => ({ width: 1000, height: 500, close: () => undefined }));
  const drawn = vi.fn();
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue({ drawImage: drawn } as never);
  vi.spyOn(HTMLCanvasElement.prototype, "toDataURL").mockReturnValue(SMALL);
  const { server, user, input } = await shown();
  await user.upload(input, new File(["x"], "logo.png", { type: "image/png" }));
  await waitFor(() => expect(sent(server)).toEqual([{ custom_logo: SMALL }]));
  expect(drawn.mock.calls[0]?.slice(1)).toEqual([0, 0, 256, 128]);
});

test("an SVG, and what is no picture, is explained and not sent", async () => {
  vi.stubGlobal("createImageBitmap", () => Promise.reject(new DOMException("no picture")));
  const { server, user, input } = await shown();
  input.removeAttribute("accept");
  await user.upload(input, new File(["<svg/>"], "logo.svg", { type: "image/svg+xml" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("SVG is not taken");
  await user.upload(input, new File(["no"], "logo.png", { type: "image/png" }));
  await waitFor(() => expect(screen.getByRole("alert")).toHaveTextContent("“logo.png” can not be read as a picture"));
  expect(sent(server)).toEqual([]);
});

test("a logo is shown and removed; one at another host is not even asked for", async () => {
  const { server, user } = await shown({ ...ACME, custom_logo: SMALL });
  expect(screen.getByRole("img", { name: "The logo as it is now" })).toHaveAttribute("src", SMALL);
  await user.click(screen.getByRole("button", { name: "Remove the logo" }));
  await waitFor(() => expect(sent(server)).toEqual([{ custom_logo: null }]));
  show(<Branding of={{ ...ACME, custom_logo: "https://elsewhere.example/l.png" }} />);
  expect(screen.getAllByRole("img", { name: "The logo as it is now" })).toHaveLength(1);
});

test("a colour is shown as it will be on both themes, and saved beside the others", async () => {
  const { server, user } = await shown();
  await user.clear(screen.getByLabelText("Colour"));
  await user.type(screen.getByLabelText("Colour"), "#ffee00");
  expect(screen.getByRole("img", { name: "On the dark theme: #ffee00" })).toBeVisible();
  expect(screen.queryByRole("img", { name: "On the light theme: #ffee00" })).toBeNull(); // it was made darker
  await user.click(screen.getByRole("button", { name: "Save" }));
  const colours = { primary: "#0a5cff", accent: "#ffee00" };
  await waitFor(() => expect(sent(server)).toEqual([{ organization_name: "Acme", brand_colors: colours }]));
});

test("a logo is never made larger than it is", () => {
  expect(fitted(100, 40)).toEqual([100, 40]);
  expect(fitted(40, 4000)).toEqual([3, 256]);
  expect(fitted(4000, 1)).toEqual([256, 1]);
});
