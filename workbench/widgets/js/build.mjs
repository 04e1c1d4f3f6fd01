// Bundles each widget's page side into one file that the package ships: `make widgets`. The same sources give the same
// bytes, and a test builds them again and compares.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = process.argv[2] ?? fileURLToPath(new URL("../static", import.meta.url));

/** @param {string[]} names @param {boolean} minify */
const bundle = (names, minify) =>
  build({
    entryPoints: names.flatMap((name) => [
      { in: `${here}${name}/main.js`, out: name },
      { in: `${here}${name}/${name}.css`, out: name },
    ]),
    outdir: out,
    bundle: true,
    minify,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "inline",
    logLevel: "warning",
    absWorkingDir: here,
  });

await bundle(["annotate", "progress"], false);
// These two hold uPlot, whose sources are 145 kB; each shown widget sends its bundle to the page.
await bundle(["training", "launch"], true);
