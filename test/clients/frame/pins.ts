import { readFileSync } from "node:fs";

export interface Pins {
  npm: Record<string, string>;
  /** By the name of the virtual environment: not every client stands the same versions of its packages. */
  python: Record<string, Record<string, string>>;
  go: Record<string, string>;
  /** Debian's package by the name of the program; its version is Debian's. */
  apt: Record<string, string>;
}

/** The one place where versions of clients stand. */
export const PINS = JSON.parse(readFileSync(new URL("../pins.json", import.meta.url), "utf8")) as Pins;

/** `npm/openai` or `python/sdk/openai` or `go/github.com/gorilla/websocket`: its version. */
export function versionOf(pin: string): string {
  const [kind = "", ...rest] = pin.split("/");
  const name = rest.join("/");
  const version =
    kind === "npm"
      ? PINS.npm[name]
      : kind === "go"
        ? PINS.go[name]
        : kind === "python"
          ? PINS.python[rest[0] ?? ""]?.[rest.slice(1).join("/")]
          : undefined;
  if (version === undefined) throw new Error(`test/clients/pins.json has no ${pin}`);
  return version.replace(/^v/, "");
}
