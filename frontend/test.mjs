// Runs the tests of what is pure in the scripts: tests/*.test.mjs, bundled, under Node's own runner.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const made = join(here, "node_modules", ".tests");
const names = readdirSync(join(here, "tests")).filter((name) => name.endsWith(".test.mjs"));
rmSync(made, { recursive: true, force: true });
await build({
  entryPoints: names.map((name) => join(here, "tests", name)),
  outdir: made,
  outExtension: { ".js": ".mjs" },
  absWorkingDir: here,
  bundle: true,
  format: "esm",
  platform: "node",
  logLevel: "warning",
});
const files = names.map((name) => join(made, name));
const done = spawnSync(process.execPath, ["--test", ...files], { encoding: "utf8" });
if (done.status !== 0) process.stderr.write(`${done.stdout}${done.stderr}`);
process.exit(done.status ?? 1);
