import { writeSync } from "node:fs";
import { Readable } from "node:stream";
import { openStore } from "../../../src/server/store/open-store.ts";
import { bytesOf, push, sendPart } from "./test-store.ts";

/** Works on a store until it is killed; tells on stdout, a line each, what it was promised. */
const [dir = "", round = "0"] = process.argv.slice(2);
const store = openStore(dir, { now: () => new Date(Date.now() + Number(round) * 30 * 3600 * 1000) });
const tell = (kind: string, what: unknown): void => void writeSync(1, `${JSON.stringify([kind, what])}\n`);

async function pushes(lane: number): Promise<void> {
  for (let at = 0; ; at++) {
    const files = {
      "config/v": `${round} ${lane} ${at}`,
      "data/d": `data ${at % 5}`,
      "data/e": "x".repeat(lane * 9999),
    };
    try {
      const { package: digest } = await push(store, files, { environment: `lane-${lane}` });
      tell("push", { digest, files });
      tell("place", { digest, dir: await store.packages.place(digest) });
    } catch (error) {
      // The collector beside this one may be quicker than the commit, and then it says so.
      if ((error as { code?: string }).code !== "MISSING_FILES") throw error;
    }
  }
}

async function blobs(): Promise<void> {
  for (let at = 0; ; at++) {
    const text = `${round} blob ${at} `.repeat(20_000);
    const { digest, bytes } = bytesOf(text);
    await store.blobs.write("blobs", digest, bytes.length, Readable.from([bytes]));
    tell("blob", { digest });
  }
}

async function uploads(): Promise<void> {
  for (let at = 0; ; at++) {
    const { digest, bytes } = bytesOf(`${round} upload ${at} `.repeat(5000));
    const { upload_id: id = "" } = store.uploads.open("m", digest, bytes.length);
    await sendPart(store, id, 0, bytes);
    tell("part", { id, digest, size: bytes.length });
    await store.uploads.complete("m", id);
    tell("blob", { digest });
  }
}

async function garbage(): Promise<void> {
  for (;;) {
    await store.collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

tell("open", {});
await Promise.all([pushes(1), pushes(2), blobs(), uploads(), garbage()]);
