import type { ActionEvent } from "../../events.ts";
import type { CliReporter } from "./cli-reporter.ts";
import { eventLines, shortDigest } from "./event-lines.ts";
import { formatBytes, formatCount, formatMs } from "./format.ts";
import type { Style } from "./style.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const ERASE_LINE = "\r\u001B[2K";

export interface HumanReporterOptions {
  write(text: string): void;
  style: Style;
  verbose: boolean;
  /** A terminal: the step in hand is one line that is drawn again and again. */
  screen: boolean;
  /** Columns of the terminal. */
  columns?: number | undefined;
  /** Without a screen, the longest silence while a step is in hand; 5 s. */
  heartbeatMs?: number;
  /** Between two drawings on a screen; 100 ms. */
  frameMs?: number;
}

interface Step {
  message: string;
  startedAt: number;
  progress: string;
}

/** Lines on stderr for people: calm ones, and a sign of life during long work. */
export function createHumanReporter(options: HumanReporterOptions): CliReporter {
  const { write, style, screen, heartbeatMs = 5000, frameMs = 100 } = options;
  let step: Step | null = null;
  /** What is live: the last line wherever nothing is in hand. */
  let foot: LiveEvent | null = null;
  /** The last save is not live. */
  let broken = false;
  let timer: NodeJS.Timeout | null = null;
  let drawn = false;
  let frame = 0;

  return {
    emit(event) {
      switch (event.type) {
        case "step":
          return begin(event.message);
        case "progress":
          if (step) step.progress = progressText(event);
          return;
        case "live": {
          const isFirst = foot === null;
          foot = event;
          if (isFirst && event.keys) return print([style.dim(KEYS)]);
          erase();
          return draw();
        }
        case "reload-started":
          print(eventLines(event, options));
          // Most are over before anybody could read that they have begun.
          return begin(`loading ${event.files[0] ?? "the model"}`, { silently: true });
        default:
          if (ENDS_STEP.has(event.type)) {
            endStep();
            broken = event.type === "reload-failed";
          }
          return print(eventLines(event, options));
      }
    },
    settle,
  };

  function begin(message: string, { silently = false } = {}): void {
    endStep();
    step = { message, startedAt: performance.now(), progress: "" };
    if (screen) draw();
    else if (!silently) write(`${message}\n`);
    timer = setInterval(screen ? draw : beat, screen ? frameMs : heartbeatMs);
    // Work keeps the process alive, not the news of it.
    timer.unref();
  }

  function settle(): void {
    endStep();
    erase();
  }

  function endStep(): void {
    if (timer) clearInterval(timer);
    timer = null;
    step = null;
  }

  function print(lines: string[]): void {
    if (lines.length === 0) return;
    erase();
    write(`${lines.join("\n")}\n`);
    draw();
  }

  function draw(): void {
    if (!screen) return;
    if (step) drawStep(step);
    else if (foot !== null) {
      const text = footText(foot, broken, (options.columns || 80) - 3);
      write(`${ERASE_LINE}${broken ? style.bad("●") : style.good("●")} ${style.dim(text)}`);
      drawn = true;
    }
  }

  function drawStep(step: Step): void {
    frame = (frame + 1) % FRAMES.length;
    const elapsed = performance.now() - step.startedAt;
    const parts = [step.message, step.progress, elapsed > 2000 ? formatMs(elapsed) : ""].filter(Boolean);
    const text = parts.join(" · ").slice(0, (options.columns || 80) - 3);
    write(`${ERASE_LINE}${style.code(FRAMES[frame] ?? "")} ${text}`);
    drawn = true;
  }

  function beat(): void {
    if (!step) return;
    const parts = [step.progress, formatMs(performance.now() - step.startedAt)].filter(Boolean);
    write(`${step.message} (${parts.join(", ")})\n`);
  }

  function erase(): void {
    if (drawn) write(ERASE_LINE);
    drawn = false;
  }
}

const ENDS_STEP: ReadonlySet<string> = new Set(["watching", "reloaded", "reload-failed", "unchanged"]);

type LiveEvent = Extract<ActionEvent, { type: "live" }>;

/** The address is always whole; where the line is too narrow for all, the rest goes. */
function footText({ url, digest, replicas }: LiveEvent, broken: boolean, columns: number): string {
  const state = broken ? ["the last save is not live"] : [];
  const live = digest === null ? "nothing is live" : `live ${shortDigest(digest)}`;
  const on = digest === null ? "" : ` on ${formatCount(replicas, "replica")}`;
  const variants = [[...state, live + on, url], [...state, live, url], [...state, url], [url]];
  const texts = variants.map((parts) => parts.join(" · "));
  return texts.find((text) => text.length <= columns) ?? url;
}

const KEYS = "press r to reload, u to keep the answers of now, o to open the address, q to quit";

function progressText({ what, done, total, unit }: Extract<ActionEvent, { type: "progress" }>): string {
  const amount =
    unit === "bytes" ? `${formatBytes(done)} of ${formatBytes(total)}` : `${done} of ${total} files`;
  const percent = total > 0 ? ` (${Math.floor((100 * done) / total)} %)` : "";
  return `${what}: ${amount}${percent}`;
}
