/** Where a running model takes requests: a socket file on this machine, or an origin such as http://10.0.0.7:8080. */
export type Address = { kind: "unix"; path: string } | { kind: "http"; origin: string };

const UNIX = "unix:";

/** The only reader of `unix:PATH` and `http(s)://host:port[/...]`. Throws TypeError for anything else. */
export function parseAddress(text: string): Address {
  if (text.startsWith(UNIX) && text.length > UNIX.length)
    return { kind: "unix", path: text.slice(UNIX.length) };
  const { protocol, origin } = new URL(text);
  if (protocol !== "http:" && protocol !== "https:")
    throw new TypeError(`${text} is neither unix:PATH nor http://host:port.`);
  return { kind: "http", origin };
}

export function formatAddress(address: Address): string {
  return address.kind === "unix" ? `${UNIX}${address.path}` : address.origin;
}

/** Equal for the same place. */
export const isSameAddress = (a: Address, b: Address): boolean => formatAddress(a) === formatAddress(b);
