import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { TestContext } from "node:test";

export interface CutProxy {
  url: string;
  /** Ends every connection as a broken network does. */
  cut(): void;
  /** Nobody gets through until told otherwise. */
  away(isAway: boolean): void;
}

/** A network between a client and a server that the test can break. */
export async function startCutProxy(t: Pick<TestContext, "after">, target: string): Promise<CutProxy> {
  const sockets = new Set<Socket>();
  let isAway = false;
  const { hostname, port } = new URL(target);
  const server = createServer((socket) => {
    if (isAway) return void socket.resetAndDestroy();
    const upstream = connect(Number(port), hostname);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  t.after(() => {
    cut();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    away(value) {
      isAway = value;
      if (value) cut();
    },
  };
}
