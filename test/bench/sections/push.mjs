/** What travels: 1 GiB to a host on this machine, against a bare upload that is hashed and written; then nothing. */
import { randomFillSync } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runNode } from "../lib/command.mjs";
import { KEY, startHost } from "../lib/host.mjs";
import { compare } from "../lib/measure.mjs";
import { atLeast, atMost, row } from "../lib/report.mjs";
import { median, spread } from "../lib/stats.mjs";

export const title = "push of a large project, against a bare node:http upload";

const BARE = fileURLToPath(new URL("../yardsticks/bare-upload.mjs", import.meta.url));
const UPLOAD = fileURLToPath(new URL("../load/upload-package.mjs", import.meta.url));
const FILES = 4;

export async function run(context) {
  const megabytes = context.quick ? 256 : 1024;
  const count = context.quick ? 3 : 5;
  const host = await startHost(context.root, "push");
  const project = join(context.root, "heavy");
  mkdirSync(join(project, "model"), { recursive: true });
  mkdirSync(join(project, "data"));
  writeFileSync(join(project, "config.yaml"), "model_name: heavy\n");
  writeFileSync(join(project, "model/model.ts"), "export class Model { predict(x) { return x; } }\n");
  const records = { ours: [], bare: [] };
  const again = [];
  try {
    for (let round = 0; round < count; round += 1) {
      // New bytes each time: what the host has is not sent again.
      for (let at = 0; at < FILES; at += 1) {
        writeFileSync(
          join(project, "data", `weights-${at}.bin`),
          randomFillSync(Buffer.alloc((megabytes / FILES) * 1024 * 1024)),
        );
      }
      await host.cli(["build", project]);
      const measure = {
        ours: async () => {
          const args = ["--import", "tsx", UPLOAD, host.url, KEY, join(project, ".purlin/package")];
          records.ours.push(JSON.parse((await runNode(args)).output));
        },
        bare: async () => {
          const args = [BARE, join(project, "data"), join(context.root, "bare-upload")];
          records.bare.push(JSON.parse((await runNode(args)).output));
        },
      };
      for (const name of round % 2 === 0 ? ["ours", "bare"] : ["bare", "ours"]) await measure[name]();
      await host.json(["push", project]);
      const { ms, answer } = await host.json(["push", project]);
      if (answer.uploaded_bytes !== 0) throw new Error(`${answer.uploaded_bytes} bytes were sent again`);
      again.push(ms);
      rmSync(join(context.root, "bare-upload"), { recursive: true, force: true });
    }
  } finally {
    await host.stop();
    rmSync(host.data, { recursive: true, force: true });
  }
  return [
    row({
      figure: `${megabytes} MiB: upload, verified and on disk`,
      unit: "MB/s",
      ...compare(records.ours, records.bare, ({ bytes, ms }) => bytes / ms / 1000),
      target: atLeast(0.5),
    }),
    row({
      figure: `${megabytes} MiB unchanged: the whole second push, 0 bytes sent`,
      unit: "ms",
      ours: median(again),
      spread: spread(again),
      target: atMost(1000, "ours"),
    }),
  ];
}
