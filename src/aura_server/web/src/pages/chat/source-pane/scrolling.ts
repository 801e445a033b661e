/** Bring `element` to the middle of what scrolls around it, and move nothing else: `scrollIntoView` moves the page, too. */
export function centre(element: Element | null | undefined): void {
  const scroller = element?.closest("[data-scrolls]");
  if (!element || !scroller) return;
  const [inner, outer] = [element.getBoundingClientRect(), scroller.getBoundingClientRect()];
  scroller.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
}
