import { SourceMap } from "node:module";
import type { TestContext } from "node:test";
import { WebSocket } from "ws";
import { until } from "./until.ts";

type Params = Record<string, unknown>;

interface Told {
  method: string;
  params: Params;
}

export interface Script {
  scriptId: string;
  url: string;
  sourceMapURL: string;
}

/** A place in code as it runs; lines and columns count from 0. */
export interface Place {
  lineNumber: number;
  columnNumber: number;
}

/** A debugger, as an editor is one. */
export interface InspectorClient {
  send(method: string, params?: Params): Promise<Params>;
  /** The events of a method so far. */
  told(method: string): Params[];
  /** Waits for the event number `count` of a method. */
  wait(method: string, count?: number): Promise<Params>;
  /** Scripts that have a source map. */
  mapped(): Script[];
  isOpen(): boolean;
  close(): void;
}

export async function attach(t: Pick<TestContext, "after">, url: string): Promise<InspectorClient> {
  const socket = new WebSocket(url);
  t.after(() => socket.terminate());
  const events: Told[] = [];
  const waiting = new Map<number, (answer: { result?: Params; error?: { message: string } }) => void>();
  socket.on("message", (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Told & { id?: number; result?: Params };
    if (message.id === undefined) events.push(message);
    else waiting.get(message.id)?.(message);
  });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  let id = 0;
  const told = (method: string): Params[] =>
    events.filter((event) => event.method === method).map(({ params }) => params);
  return {
    told,
    send(method, params = {}) {
      id += 1;
      const answer = new Promise<Params>((resolve, reject) => {
        waiting.set(id, ({ result, error }) =>
          error ? reject(new Error(error.message)) : resolve(result ?? {}),
        );
      });
      socket.send(JSON.stringify({ id, method, params }));
      return answer;
    },
    wait: (method, count = 1) => until(() => told(method)[count - 1], { what: `${method} number ${count}` }),
    mapped: () =>
      (told("Debugger.scriptParsed") as unknown as Script[]).filter(
        ({ sourceMapURL }) => sourceMapURL !== "",
      ),
    isOpen: () => socket.readyState === WebSocket.OPEN,
    close: () => socket.close(),
  };
}

/** A script's source map, as a debugger reads it; its sources as URLs. */
export function readSourceMap({ sourceMapURL }: Script): {
  map: SourceMap;
  sources: string[];
  contents: string[];
} {
  const [, base64] = /^data:application\/json;base64,(.*)$/.exec(sourceMapURL) ?? [];
  if (base64 === undefined) throw new Error(`no source map in ${sourceMapURL.slice(0, 100)}`);
  const payload = JSON.parse(Buffer.from(base64, "base64").toString()) as {
    sources: string[];
    sourceRoot: string;
    sourcesContent: string[];
  };
  return {
    map: new SourceMap(payload as never),
    sources: payload.sources.map((source) => new URL(source, payload.sourceRoot).href),
    contents: payload.sourcesContent,
  };
}

/** Where a line (from 1) of a source begins in the script. */
export function generatedPlace(script: Script, { source, line }: { source: RegExp; line: number }): Place {
  const { map } = readSourceMap(script);
  for (let lineNumber = 0; lineNumber < 100_000; lineNumber++) {
    for (let columnNumber = 0; columnNumber < 60; columnNumber++) {
      const entry = map.findEntry(lineNumber, columnNumber);
      if (!("originalSource" in entry) || !source.test(entry.originalSource)) continue;
      if (entry.originalLine === line - 1 && entry.generatedLine === lineNumber)
        return { lineNumber, columnNumber: entry.generatedColumn };
    }
  }
  throw new Error(`no code of line ${line}`);
}
