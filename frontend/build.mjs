// Builds the scripts and the stylesheet of the pages into web/pages/static.
//
// Names carry a hash of what is inside, so browsers may keep each file for ever; manifest.json says
// which file is which. Each lies there compressed as well, as it is made once and sent often.
//
// A program may start, or a test read, at any moment of it: new files come first, then the manifest
// that names them, in one step; of the files of before, those of the last manifest stay until the
// next build, as who read that one may be about to read them.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "web", "pages", "static");
const making = `${target}.making-${process.pid}`; // another build may run beside this one

const entries = ["main.ts", "charts.ts", "logs.ts"].map((name) => join(here, "src", name));
rmSync(making, { recursive: true, force: true });
mkdirSync(making, { recursive: true });
process.on("exit", () => rmSync(making, { recursive: true, force: true }));
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

const previous = manifest();
mkdirSync(target, { recursive: true });
const built = readdirSync(making);
for (const name of [...built.filter((one) => one !== "manifest.json"), "manifest.json"]) {
  renameSync(join(making, name), join(target, name));
}
const kept = new Set([...built, ...withCompressed(previous)]);
for (const name of readdirSync(target).filter((one) => !kept.has(one))) {
  rmSync(join(target, name), { recursive: true, force: true });
}

// The manifest of before; it names nothing where there is none.
function manifest() {
  try {
    return JSON.parse(readFileSync(join(target, "manifest.json"), "utf8"));
  } catch {
    return { files: {}, imports: {} };
  }
}

// The names of all files that a manifest stands for.
function withCompressed({ files, imports }) {
  const names = [...Object.values(files), ...Object.values(imports).flat()];
  return names.flatMap((name) => [name, `${name}.gz`, `${name}.br`]);
}
