import { AppError } from "../errors.ts";
import { nearest } from "../util/nearest.ts";
import { readLocalHost } from "./local-host.ts";
import { readRemotes } from "./remotes-file.ts";

export interface FoundRemote {
  /** As a person would call it: a remote's name, the variable, or "this machine". */
  name: string;
  url: string;
  key: string | null;
}

/**
 * Where commands go: the remote that is named, else PURLIN_API_URL, else the remote in use, else the host that runs on
 * this machine. PURLIN_API_KEY wins over any key that is kept. Throws AppError NO_REMOTE.
 */
export function findRemote(name: string | undefined, env: NodeJS.ProcessEnv): FoundRemote {
  const key = keyOf(env);
  const url = env["PURLIN_API_URL"];
  const file = readRemotes(env);
  if (name !== undefined) {
    const remote = file.remotes.get(name);
    if (remote !== undefined) return { name, url: remote.url, key: key ?? remote.key };
    const meant = nearest(name, [...file.remotes.keys()]);
    throw new AppError("NO_REMOTE", `There is no remote ${name}.`, {
      hint: meant === undefined ? `Add it: purlin remote add ${name} URL` : `Did you mean ${meant}?`,
    });
  }
  if (url) return { name: "PURLIN_API_URL", url: checkedUrl(url), key };
  const current = file.current === null ? undefined : file.remotes.get(file.current);
  if (current !== undefined)
    return { name: file.current as string, url: current.url, key: key ?? current.key };
  const local = readLocalHost(env);
  if (local !== null) return { name: "this machine", url: local.url, key: key ?? local.key };
  throw new AppError("NO_REMOTE", "There is no deployment server to talk to.", {
    hint: "Start one here with purlin host, name one with purlin remote add NAME URL, or set PURLIN_API_URL.",
  });
}

/** Secrets of CI systems and files often end with a line feed, which no header may hold. */
export const keyOf = (env: NodeJS.ProcessEnv): string | null => env["PURLIN_API_KEY"]?.trim() || null;

/** Throws AppError INPUT_INVALID. */
export function checkedUrl(text: string): string {
  const parsed = URL.canParse(text) ? new URL(text) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== "") {
    throw new AppError("INPUT_INVALID", `${text} is no address of a deployment server.`, {
      hint: "Write it as https://host.example or http://127.0.0.1:4700",
    });
  }
  return parsed.href.replace(/\/+$/, "");
}
