import { AppError } from "../errors.ts";
import { checkedUrl } from "../remotes/find-remote.ts";
import { readLocalHost } from "../remotes/local-host.ts";
import { readRemotes, writeRemotes } from "../remotes/remotes-file.ts";

export interface ListedRemote {
  name: string;
  url: string;
  has_key: boolean;
  /** Commands go there where none is named. */
  in_use: boolean;
}

/** The first one that is added is in use from then on. Throws AppError INPUT_INVALID, NAME_INVALID. */
export function addRemote(given: {
  name: string;
  url: string;
  key: string | null;
  env: NodeJS.ProcessEnv;
}): ListedRemote {
  if (!/^[\w.-]{1,63}$/.test(given.name)) {
    throw new AppError(
      "NAME_INVALID",
      `${given.name} is no name for a remote: letters, digits, . _ and - are.`,
    );
  }
  const url = checkedUrl(given.url);
  const file = readRemotes(given.env);
  file.remotes.set(given.name, { url, key: given.key });
  file.current ??= given.name;
  writeRemotes(given.env, file);
  return { name: given.name, url, has_key: given.key !== null, in_use: file.current === given.name };
}

/** With the host of this machine where one runs. */
export function listRemotes(env: NodeJS.ProcessEnv): ListedRemote[] {
  const { current, remotes } = readRemotes(env);
  const local = readLocalHost(env);
  return [
    ...[...remotes].map(([name, { url, key }]) => ({
      name,
      url,
      has_key: key !== null,
      in_use: name === current,
    })),
    ...(local === null
      ? []
      : [{ name: "(this machine)", url: local.url, has_key: true, in_use: current === null }]),
  ];
}

export function useRemote(name: string, env: NodeJS.ProcessEnv): void {
  const file = readRemotes(env);
  requireRemote(file.remotes, name);
  writeRemotes(env, { ...file, current: name });
}

export function removeRemote(name: string, env: NodeJS.ProcessEnv): void {
  const file = readRemotes(env);
  requireRemote(file.remotes, name);
  file.remotes.delete(name);
  writeRemotes(env, { ...file, current: file.current === name ? null : file.current });
}

function requireRemote(remotes: ReadonlyMap<string, unknown>, name: string): void {
  if (remotes.has(name)) return;
  throw new AppError("NO_REMOTE", `There is no remote ${name}.`, { hint: "purlin remote list names them." });
}
