import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeAll } from "vitest";
import { startLanguage } from "@/i18n";

// What jsdom has not and browsers have.
HTMLDialogElement.prototype.showModal ??= function showModal() {
  this.open = true;
};
HTMLDialogElement.prototype.close ??= function close() {
  this.open = false;
};
Element.prototype.scrollIntoView ??= () => undefined;
Element.prototype.scrollTo ??= () => undefined;
window.matchMedia ??= (media: string) =>
  Object.assign(new EventTarget(), { matches: media.includes("min-width"), media, onchange: null }) as MediaQueryList;
window.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};

// jsdom's signals are none of Node's, whose Request takes no others: here nothing is aborted on its way.
const OfNode = globalThis.Request;
globalThis.Request = class extends OfNode {
  constructor(input: RequestInfo | URL, init?: RequestInit) {
    super(input, init?.signal ? { ...init, signal: null } : init);
  }
};

configure({ asyncUtilTimeout: 15_000 }); // the code of a page is loaded when it is opened

beforeAll(() => startLanguage("en"));

afterEach(() => {
  cleanup();

  localStorage.clear();
  sessionStorage.clear();
});
