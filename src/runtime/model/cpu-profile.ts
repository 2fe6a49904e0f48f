import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { Session, type Profiler } from "node:inspector";
import { dirname, join } from "node:path";
import type { ControlEvent } from "../../protocol/control.ts";
import type { log } from "./log.ts";
import { mapProfile } from "./map-profile.ts";

const SAMPLE_EVERY_US = 1000;
/** 600,000 samples, some 20 MB; whoever measures for longer looks at more than can be read. */
const MOST_MS = 10 * 60_000;

export interface CpuProfile {
  /** Writes it; may be called twice. */
  end(): void;
}

export interface CpuProfileOptions {
  /** Of the model. */
  name: string;
  log: typeof log;
  onWritten: (event: ControlEvent) => void;
}

/** Records what this process does from now until it ends. `place` is a folder, or a file named *.cpuprofile. */
export function startCpuProfile(place: string, options: CpuProfileOptions): CpuProfile {
  const session = new Session();
  const began = performance.now();
  let isOver = false;
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
  session.post("Profiler.start");
  const timer = setTimeout(() => {
    options.log("info", "The CPU profile has its 10 minutes; nothing more is recorded.");
    end();
  }, MOST_MS);
  timer.unref();
  return { end };

  function end(): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    // Of a session with its own thread, the answer is there when the call returns.
    session.post("Profiler.stop", (error, { profile }) => {
      if (error === null) write(profile, (performance.now() - began) / 1000);
      else options.log("error", `There is no CPU profile: ${error.message}`);
    });
    session.disconnect();
  }

  function write(profile: Profiler.Profile, seconds: number): void {
    try {
      const file = freeFile(place, options.name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify(mapProfile(profile)));
      options.onWritten({ type: "cpu-profile", file, seconds: Math.round(seconds * 10) / 10 });
    } catch (error) {
      options.log("error", `The CPU profile cannot be written: ${(error as Error).message}`);
    }
  }
}

/** Each process has a file of its own, and none takes the place of an earlier one. */
function freeFile(place: string, name: string): string {
  const isFile =
    place.endsWith(".cpuprofile") && statSync(place, { throwIfNoEntry: false })?.isDirectory() !== true;
  const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
  const stem = isFile ? place.slice(0, -".cpuprofile".length) : join(place, `${name}-${time}`);
  for (let count = 1; ; count++) {
    const file = `${stem}${count === 1 ? "" : `-${count}`}.cpuprofile`;
    if (!existsSync(file)) return file;
  }
}
