import { expect, test } from "vitest";
import { contrast, parseColour } from "./contrast";
import { accentFor } from "./theme";

const rgb = (value: string) => parseColour(value) ?? [0, 0, 0];

test("a tenant's colour is readable on both themes, and so is the ink on it", () => {
  for (const colour of ["#ffee00", "#000000", "#ffffff", "#0a5fd7", "#f0f", "#777777"]) {
    for (const [theme, paper] of [
      ["light", "#fbfaf7"],
      ["dark", "#171614"],
    ] as const) {
      const branded = accentFor(colour, theme);
      expect(branded).not.toBeNull();
      expect(contrast(rgb(branded?.accent ?? ""), rgb(paper))).toBeGreaterThanOrEqual(4.5);
      expect(contrast(rgb(branded?.accent ?? ""), rgb(branded?.ink ?? ""))).toBeGreaterThanOrEqual(4.5);
    }
  }
});

test("a colour that is readable already stays as it is", () => {
  expect(accentFor("#0a5fd7", "light")?.accent).toBe("#0a5fd7");
});

test("what is no colour brings no accent", () => {
  for (const value of ["red", "url(https://evil.example)", "#12", "var(--x)", "#0a5fd7;background:red"]) {
    expect(accentFor(value, "light")).toBeNull();
  }
});
