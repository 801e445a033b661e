import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

const COMPRESSIBLE = /\.(?:css|html|js|json|mjs|pfb|svg|ttf|wasm|webmanifest)$/;
/** Below this, the headers weigh more than what is saved. */
const SMALLEST_BYTES = 1_024;

/** Puts `NAME.br` and `NAME.gz` beside each file that they make smaller, so that the server compresses nothing itself. */
export function precompress(): Plugin {
  let folder = "";
  return {
    name: "precompress",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    async closeBundle() {
      const names = await readdir(folder, { recursive: true });
      await Promise.all(names.filter((name) => COMPRESSIBLE.test(name)).map((name) => compress(join(folder, name))));
    },
  };
}

async function compress(path: string): Promise<void> {
  const content = await readFile(path);
  if (content.byteLength < SMALLEST_BYTES) return;
  const best = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
  const made = await Promise.all([promisify(brotliCompress)(content, best), promisify(gzip)(content, { level: 9 })]);
  await Promise.all(
    made.map((bytes, index) =>
      bytes.byteLength < content.byteLength ? writeFile(`${path}${index === 0 ? ".br" : ".gz"}`, bytes) : undefined,
    ),
  );
}
