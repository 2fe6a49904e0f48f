import { spawn } from "node:child_process";
import type { WatchKeys } from "../actions/watch-steps/watch-keys.ts";
import type { CommandContext } from "./define-command.ts";

interface Keyboard extends NodeJS.ReadableStream {
  setRawMode?(raw: boolean): unknown;
  unref?(): unknown;
}

const CTRL_C = "\u0003";

/** Single keys, where there is a terminal on both sides; undefined elsewhere. */
export function terminalKeys(context: CommandContext): WatchKeys | undefined {
  const { isTTY, json, quiet } = context;
  const keyboard = context.stdin as Keyboard;
  if (json || quiet || !isTTY.stdin || !isTTY.stderr || keyboard.setRawMode === undefined) return undefined;
  return {
    listen({ reload, keepAnswers, url }) {
      const onKey = (piece: Buffer | string): void => {
        for (const key of String(piece)) {
          if (key === "r") reload();
          else if (key === "u") keepAnswers();
          else if (key === "o") openInBrowser(url());
          else if (key === "q") process.kill(process.pid, "SIGTERM");
          // A raw terminal sends it as any other key.
          else if (key === CTRL_C) process.kill(process.pid, "SIGINT");
        }
      };
      keyboard.setRawMode?.(true);
      keyboard.on("data", onKey);
      keyboard.resume();
      return () => {
        keyboard.off("data", onKey);
        keyboard.setRawMode?.(false);
        keyboard.pause();
      };
    },
  };
}

function openInBrowser(url: string): void {
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  const child = spawn(opener, [url], { stdio: "ignore", detached: true });
  // No browser on this machine: the address is on the screen.
  child.on("error", () => undefined);
  child.unref();
}
