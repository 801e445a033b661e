/** Colours as WCAG 2.2 sees them. Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */

export type Rgb = readonly [number, number, number];

/** What text on a coloured ground needs. */
export const READABLE = 4.5;

const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];

/** `#rgb` or `#rrggbb` as numbers, or null for anything else. */
export function parseColour(value: string): Rgb | null {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(value.trim());
  const hex = short ? `#${short.slice(1).map((digit) => digit + digit).join("")}` : value.trim(); // biome-ignore format: short
  if (!/^#[0-9a-f]{6}$/i.test(hex)) return null;
  const channel = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16);
  return [channel(1), channel(3), channel(5)];
}

/** `#rrggbb`. */
export function written([red, green, blue]: Rgb): string {
  return `#${[red, green, blue].map((each) => Math.round(each).toString(16).padStart(2, "0")).join("")}`;
}

/** The contrast of two colours, from 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [lighter, darker] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

/** `colour`, made darker or lighter by just as much as it takes to be readable on `ground`. */
export function readableOn(colour: Rgb, ground: Rgb): Rgb {
  const towards = luminance(ground) > 0.18 ? BLACK : WHITE;
  for (let share = 0; share <= 1; share += 0.02) {
    const mixed = mix(colour, towards, share);
    if (contrast(mixed, ground) >= READABLE) return mixed;
  }
  return towards;
}

/** Black or white, whichever is read better on `ground`. One of them always reaches 4.5. */
export function inkOn(ground: Rgb): Rgb {
  return contrast(WHITE, ground) >= contrast(BLACK, ground) ? WHITE : BLACK;
}

function mix(one: Rgb, other: Rgb, share: number): Rgb {
  const at = (index: 0 | 1 | 2) => one[index] * (1 - share) + other[index] * share;
  return [Math.round(at(0)), Math.round(at(1)), Math.round(at(2))];
}

function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((each) => {
    const share = each / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
