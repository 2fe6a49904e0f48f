import inspector from "node:inspector";
import { createServer } from "node:net";
import type { InspectAddress } from "../../protocol/inspect-address.ts";

/** How often it is looked whether the process before has given the address free. */
const RETRY_MS = 100;

export interface DebuggingOptions {
  /** Wait for a debugger, and stop in it before the model's code is loaded. */
  breaks: boolean;
  /** A debugger can attach at that ws:// address. */
  onOpen: (url: string) => void;
  /** Another process has the address. */
  onBusy: () => void;
}

/**
 * Lets a debugger attach to this process. After a save, the process before has the address until its last request is
 * done: then this one takes it, and an editor that attaches again finds the new code.
 */
export async function startDebugging(address: InspectAddress, options: DebuggingOptions): Promise<void> {
  // Node would wait for the debugger to go before it lets the process end.
  process.on("exit", () => inspector.close());
  if (await open(address, options)) {
    if (!options.breaks) return;
    inspector.waitForDebugger();
    stopBeforeTheModel();
    return;
  }
  options.onBusy();
  // Nobody waits for that: the model loads meanwhile.
  const retry = (): void => {
    setTimeout(
      () => void open(address, options).then((isOpen) => (isOpen ? undefined : retry())),
      RETRY_MS,
    ).unref();
  };
  retry();
}

/** The model's code comes next: set breakpoints in model/model.ts, and go on. */
function stopBeforeTheModel(): void {
  // oxlint-disable-next-line no-debugger
  debugger;
}

async function open({ host, port }: InspectAddress, { onOpen }: DebuggingOptions): Promise<boolean> {
  // Node tells of an address in use on stderr only, where it would stand ten times a second.
  if (port !== 0 && !(await isFree(host, port))) return false;
  inspector.open(port, host, false);
  const url = inspector.url();
  if (url !== undefined) onOpen(url);
  return url !== undefined;
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
