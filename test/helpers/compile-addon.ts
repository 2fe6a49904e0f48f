import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { tmpDir } from "./tmp-dir.ts";

const COMPILER = ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang"].find((file) => existsSync(file));

/** Why addons cannot be compiled here; false where they can. */
export const NO_COMPILER: string | false = COMPILER === undefined ? "there is no C compiler" : false;

/** As NODE_MODULE_INIT() declares it: for one ABI. */
export const boundTo = (...abis: number[]): string =>
  abis.map((abi) => `void node_register_module_v${abi}(void) {}\n`).join("");

/** As NAPI_MODULE_INIT() declares it: for every Node. */
export const NODE_API_ADDON =
  "int node_api_module_get_api_version_v1(void) { return 8; }\nvoid *napi_register_module_v1(void *env, void *exports) { return exports; }\n";

/** As NODE_MODULE() declares it: registered by a constructor, with the ABI as a number in its data. */
export const staticAddon = (abi: number): string => `
extern void node_module_register(void *module);
static void init(void) {}
static struct {
  int version; unsigned flags; void *handle; const char *file; void *init; void *context_init; const char *name; void *priv; void *link;
} module = { ${abi}, 0, 0, "addon.c", (void *)init, 0, "addon", 0, 0 };
__attribute__((constructor)) static void begin(void) { node_module_register(&module); }
`;

/** A shared library of this C source: the smallest real addon. Returns its file. */
export async function compileAddon(t: Pick<TestContext, "after">, source: string): Promise<string> {
  const dir = await tmpDir(t);
  const [code, addon] = [join(dir, "addon.c"), join(dir, "addon.node")];
  await writeFile(code, source);
  // The symbols of Node are there once the addon is loaded.
  const undefinedAllowed = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
  execFileSync(COMPILER as string, ["-shared", "-fPIC", ...undefinedAllowed, "-o", addon, code]);
  return addon;
}
