import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../helpers/source-files.ts";
import { CORE, ELSEWHERE } from "./core.mjs";
import { environmentOf, NODE_VERSIONS } from "./node-binary.mjs";

const files = readdirSync(`${ROOT}test`, { recursive: true, encoding: "utf8" })
  .map((path) => `test/${path.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".test.ts") && !/^test\/(load|faults|soak|clients)\//.test(path));

describe("the tests that run on each Node", () => {
  for (const suite of ["unit", "e2e"] as const) {
    const ofSuite = files.filter((path) => path.startsWith("test/e2e/") === (suite === "e2e"));
    const places = [...CORE[suite], ...Object.keys(ELSEWHERE[suite])];

    it(`${suite}: every file is in exactly one of the core and the rest`, () => {
      for (const file of ofSuite) {
        assert.equal(places.filter((place) => file.startsWith(place)).length, 1, file);
      }
    });

    it(`${suite}: no place in the lists is without tests`, () => {
      for (const place of places)
        assert.ok(
          ofSuite.some((file) => file.startsWith(place)),
          place,
        );
    });
  }
});

describe("the environment of another Node", () => {
  it("has its folder before all others, for `node` as for `#!/usr/bin/env node`", () => {
    const env = environmentOf("/nowhere/24/bin/node", { PATH: dirname(process.execPath), HOME: "/h" });
    assert.equal(env.PATH.split(delimiter)[0], "/nowhere/24/bin");
    assert.equal(env["HOME"], "/h");
    const own = environmentOf(process.execPath, process.env);
    const found = execFileSync("sh", ["-c", "node -p process.execPath"], { env: own, encoding: "utf8" });
    assert.equal(found.trim(), process.execPath);
  });

  it("begins with the floor of package.json", () => {
    const manifest = readFileSync(`${ROOT}package.json`, "utf8");
    const { engines } = JSON.parse(manifest) as { engines: { node: string } };
    assert.equal(engines.node, `>=${NODE_VERSIONS[0]}.0`);
  });
});
