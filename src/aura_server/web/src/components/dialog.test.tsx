import { fireEvent, render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { Dialog } from "./dialog";

test("Escape ends the dialog that is on top and leaves the one around it", () => {
  const outer = vi.fn();
  const inner = vi.fn();
  render(
    <Dialog open onClose={outer} title="Menu">
      <Dialog open onClose={inner} title="Delete this?">
        Really?
      </Dialog>
    </Dialog>,
  );
  fireEvent(screen.getByRole("dialog", { name: "Delete this?" }), new Event("cancel", { cancelable: true }));
  expect(inner).toHaveBeenCalledOnce();
  expect(outer).not.toHaveBeenCalled();
});
