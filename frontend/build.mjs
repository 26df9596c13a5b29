// Builds the scripts and the stylesheet of the pages into web/pages/static.
//
// Names carry a hash of what is inside, so browsers may keep each file for ever; manifest.json says
// which file is which. Each lies there compressed as well, as it is made once and sent often.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "web", "pages", "static");
const making = `${target}.making`;

const entries = ["main.ts", "charts.ts", "logs.ts"].map((name) => join(here, "src", name));
rmSync(making, { recursive: true, force: true });
mkdirSync(making, { recursive: true });
const { metafile } = await build({
  entryPoints: [...entries, join(here, "styles", "fleet.css")],
  outdir: making,
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  assetNames: "[name]-[hash]",
  absWorkingDir: here,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  metafile: true,
  legalComments: "none",
  loader: { ".svg": "file" },
  logLevel: "warning",
});

const files = {};
const imports = {};
for (const [path, output] of Object.entries(metafile.outputs)) {
  const name = basename(path);
  if (output.entryPoint) {
    const source = basename(output.entryPoint).replace(/\.ts$/, ".js");
    files[source] = name;
    imports[source] = output.imports.filter((one) => one.kind === "import-statement")
      .map((one) => basename(one.path));
  }
  const content = readFileSync(join(making, name));
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  writeFileSync(join(making, `${name}.gz`), gzipSync(content, { level: 9 }));
  writeFileSync(join(making, `${name}.br`), brotliCompressSync(content, quality));
}
writeFileSync(join(making, "manifest.json"), JSON.stringify({ files, imports }, null, 1));
rmSync(target, { recursive: true, force: true });
renameSync(making, target);
