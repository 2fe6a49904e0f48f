import * as z from "zod";
import { field, leaf, list, map, section } from "./fields.ts";
import { PATH_INSIDE, text, textual } from "./leaves.ts";

export const TARGETS = [
  "linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl", "darwin-arm64", "darwin-x64",
] as const; // prettier-ignore

/** The least major version of Node that a package runs on. */
const LEAST_NODE = 20;

const packageName = leaf(
  z.string().regex(/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-zA-Z0-9~-][a-zA-Z0-9._~-]*$/),
  "the name of an npm package, without a version",
);
const packages = list(packageName, "a list of npm packages");
const globs = list(
  leaf(z.string().regex(PATH_INSIDE), "a glob below the project folder, with `/`"),
  "a list of globs",
);
const systemPackage = leaf(
  z.string().regex(/^[a-z0-9][a-z0-9+.:-]*(=[A-Za-z0-9.+:~-]+)?$/),
  'the name of a system package: "ffmpeg"',
);
const nodeVersion = leaf(
  z
    .string()
    .regex(/^\d{1,3}(\.\d{1,4}){0,2}$/)
    .refine((version) => Number.parseInt(version, 10) >= LEAST_NODE),
  `a version of Node as text, ${LEAST_NODE} or later: "22" or "22.11.0"`,
);
const define = map({
  key: leaf(
    z.string().regex(/^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/),
    "an identifier, or several joined by dots",
  ),
  value: textual("a JavaScript literal, as text"),
  expects: "a map of names to literals",
});

export const build = section(
  {
    external: field(packages, [], "Packages that stay outside the bundle, in their own layout."),
    bundle: field(packages, [], "Packages to bundle although they look as if they had to stay outside."),
    include: field(globs, [], "Further files that belong into the package."),
    exclude: field(globs, [], "Files that do not belong into the package."),
    allow_scripts: field(
      packages,
      [],
      "Packages whose install scripts may run when the packages for another machine are fetched.",
    ),
    define: field(define, {}, "Names replaced by literals in the bundle."),
    system_packages: field(list(systemPackage, "a list of system packages"), [], "Packages of the image."),
    commands: field(
      list(text("a shell command"), "a list of shell commands"),
      [],
      "Run while the image is made.",
    ),
    base_image: field(
      leaf(z.string().regex(/^[^\s]+$/), "the name of an image").nullable(),
      null,
      "Image to start from.",
    ),
    node_version: field(nodeVersion.nullable(), null, "Version of Node in the image."),
    target: field(
      leaf(z.enum(TARGETS), `one of ${TARGETS.join(", ")}`).nullable(),
      null,
      "Platform to build for; this machine's where absent.",
    ),
  },
  "How the package is made.",
);
