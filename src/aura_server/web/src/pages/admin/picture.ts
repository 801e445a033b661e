/** Kinds of pictures that a logo can be made from; SVG is none: it can hold script and addresses of other hosts. */
export const PICTURES = ["image/png", "image/jpeg", "image/webp", "image/gif"] as const;

/** The longest side of a logo, in points. */
const SIDE = 256;
/** Characters of the address; the server takes no more. */
const MOST = 128 * 1024;

/** A file that can not become a logo, by why. */
export class NoPicture extends Error {
  constructor(readonly reason: "kind" | "unreadable" | "size") {
    super(reason);
    this.name = "NoPicture";
  }
}

/** The size that fits into the longest side, never larger than the picture. */
export function fitted(width: number, height: number): readonly [width: number, height: number] {
  const share = Math.min(1, SIDE / Math.max(width, height));
  return [Math.max(1, Math.round(width * share)), Math.max(1, Math.round(height * share))];
}

/** The picture drawn anew, small, as a `data:` address: whatever else was in the file stays out. Raises `NoPicture`. */
export async function logoFrom(file: File): Promise<string> {
  if (!PICTURES.some((each) => each === file.type)) throw new NoPicture("kind");
  const picture = await createImageBitmap(file).catch(() => {
    throw new NoPicture("unreadable");
  });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = fitted(picture.width, picture.height);
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const made = [canvas.toDataURL("image/png"), canvas.toDataURL("image/webp", 0.8)];
  const address = made.find((each) => each.length <= MOST);
  if (address === undefined) throw new NoPicture("size");
  return address;
}
