import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { CancelledError } from "../../src/errors.ts";
import { editFile } from "../helpers/edit-file.ts";
import { runCli } from "../helpers/run-cli.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

interface Line {
  type: string;
  package?: string;
  problems?: { message: string; file?: string; line?: number }[];
}

describe("purlin build --watch", () => {
  it("builds after each save, tells what does not build, and ends when it is stopped", async (t) => {
    const dir = await tmpDir(t);
    await mkdir(join(dir, "model"));
    const model = join(dir, "model/model.ts");
    await writeFile(join(dir, "config.yaml"), "model_name: watched\n");
    await writeFile(model, "export class Model {\n  predict() {\n    return 1;\n  }\n}\n");
    const stop = new AbortController();
    let out = "";
    const run = runCli(["build", "--watch", "--json"], {
      cwd: dir,
      signal: stop.signal,
      onStdout: (chunk) => {
        out += Buffer.from(chunk).toString();
      },
    });
    const lines = (type: string) =>
      out
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line)
        .filter((line) => line.type === type);

    await until(() => lines("built").length === 1 && lines("watching").length === 1);
    await editFile(model, "return 1", "return 1000");
    await until(() => lines("built").length === 2);
    assert.notEqual(lines("built")[0]?.package, lines("built")[1]?.package);

    await editFile(model, "return 1000;", "return }}}");
    await until(() => lines("problems").length === 1);
    const place = lines("problems")[0]?.problems?.find((problem) => problem.line !== undefined);
    assert.deepEqual([place?.file, place?.line], ["model/model.ts", 3]);

    await editFile(model, "return }}}", "return 1;");
    await until(() => lines("built").length === 3);
    assert.equal(
      lines("built")[2]?.package,
      lines("built")[0]?.package,
      "the same content has the same digest",
    );

    stop.abort(new CancelledError("SIGINT"));
    assert.equal((await run).code, 130);
  });
});
