// The tables of docs/reference are those of the code.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { COMMANDS } from "../../src/cli/command-table.ts";
import { ERROR_CODES } from "../../src/errors.ts";
import { configJsonSchema } from "../../src/project/config-json-schema.ts";
import { WIRE_ERRORS } from "../../src/protocol/error-codes.ts";
import { findRoute } from "../../src/runtime/front/routes.ts";
import { readDoc, section } from "../helpers/read-doc.ts";

describe("the reference", () => {
  it("lists every error code with its meaning, and no other", () => {
    const [local = "", wire = ""] = readDoc("reference/errors.md").split("What a running model answers");
    const rows = [...local.matchAll(/^\| `([A-Z_]+)`\s+\| (.+?)\s+\|$/gm)].map(([, code, text]) => [
      code,
      text,
    ]);
    assert.deepEqual(Object.fromEntries(rows), ERROR_CODES);
    const statuses = [...wire.matchAll(/^\| (\d+)\s+\| `([A-Z_]+)`/gm)].map(([, status, code]) => [
      code,
      Number(status),
    ]);
    assert.deepEqual(Object.fromEntries(statuses), WIRE_ERRORS);
  });

  it("names every key of config.yaml, and no other", () => {
    const schema = configJsonSchema() as {
      properties: Record<string, { properties?: Record<string, unknown> }>;
    };
    const keys = Object.keys(schema.properties).filter((key) => key !== "runtime" && key !== "build");
    for (const part of ["runtime", "build"])
      keys.push(...Object.keys(schema.properties[part]?.properties ?? {}));
    const first = [...readDoc("reference/config.md").matchAll(/^\| (`[^|]+) \|/gm)].map(
      ([, cell = ""]) => cell,
    );
    const named = first.flatMap((cell) =>
      [...cell.matchAll(/`(?:runtime\.|build\.)?(\w+)`/g)].map(([, key]) => key),
    );
    assert.deepEqual(named.toSorted(), keys.toSorted());
  });

  it("names every command, and no other", () => {
    const named = [...readDoc("reference/commands.md").matchAll(/^\| `purlin (\w+)`/gm)].map(
      ([, name]) => name,
    );
    assert.deepEqual(
      named,
      COMMANDS.map(({ name }) => name),
    );
  });

  it("names routes of a running model that exist", () => {
    const table = section(readDoc("reference/http.md"), "A running model");
    const routes = [...table.matchAll(/`(?:GET |POST )?(\/[^`]*)`/g)].map(([, path = ""]) => path);
    assert.ok(routes.length > 20);
    for (const route of routes) assert.equal(findRoute(route.replaceAll(/\{\w+\}/g, "m"))?.name, route);
  });
});
