/** Where a debugger attaches. Whoever reaches it may run any code: it is an address of this machine alone. */
export interface InspectAddress {
  host: string;
  /** 0 picks a free one. */
  port: number;
}

/** Node's own, which editors look at first. */
export const DEFAULT_INSPECT_ADDRESS: InspectAddress = { host: "127.0.0.1", port: 9229 };

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;

/** `PORT`, `HOST:PORT` or `HOST`; a text says what is wrong with it. */
export function parseInspectAddress(text: string): InspectAddress | string {
  const match = /^(?:(?<port>\d+)|(?<host>\[[^\]]+\]|[^:[\]]+)(?::(?<hostPort>\d+))?)$/.exec(text);
  const { port: alone, host: named, hostPort } = match?.groups ?? {};
  if (!match) return "It must be a port, or an address of this machine such as 127.0.0.1:9229.";
  const host = (named ?? DEFAULT_INSPECT_ADDRESS.host).replaceAll(/[[\]]/g, "");
  const port = Number(alone ?? hostPort ?? DEFAULT_INSPECT_ADDRESS.port);
  if (port > 65_535) return "A port is a number from 0 to 65535.";
  if (LOOPBACK.test(host)) return { host, port };
  if (!/^[\d.]+$|:/.test(host))
    return "It must be a port. A folder stands before the flag: purlin serve my-model --inspect.";
  return "Whoever reaches a debugger may run any code here: it listens on 127.0.0.1 alone. From elsewhere: ssh -L.";
}

export function inspectAddressText({ host, port }: InspectAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
