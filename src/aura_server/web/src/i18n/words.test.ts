import { expect, test } from "vitest";

type Words = { [key: string]: string | Words };
const english = import.meta.glob<Words>("./en/*.json", { eager: true, import: "default" });
const german = import.meta.glob<Words>("./de/*.json", { eager: true, import: "default" });

/** The keys with the names that their texts take. */
function shape(words: Words, path = ""): string[] {
  return Object.entries(words).flatMap(([key, value]) => {
    if (typeof value !== "string") return shape(value, `${path}${key}.`);
    const names = [...value.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();
    return [`${path}${key} ${names.join(" ")}`];
  });
}

test("every text is there in both languages, and takes the same values", () => {
  const files = Object.keys(english).map((path) => path.replace("./en/", ""));
  expect(files.length).toBeGreaterThan(2);
  for (const file of files) {
    expect(shape(german[`./de/${file}`] ?? {}).sort()).toEqual(shape(english[`./en/${file}`] ?? {}).sort());
  }
});
