import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { callModel } from "../client/call-model.ts";
import { readErrorAnswer } from "../client/read-error-answer.ts";
import { AppError } from "../errors.ts";
import { loadProject } from "../project/load-project.ts";
import type { MethodTypes } from "../protocol/model-types.ts";
import { clientFile, typesFile } from "../types/client/generate-client.ts";
import { ProjectTypes } from "./build-steps/project-types.ts";

export interface TypesOptions {
  /** Absolute folder of the project. */
  dir: string;
  /** http://host:port of a running model that is asked instead. */
  from?: string | undefined;
  /** A client as well. */
  client: boolean;
  /** Absolute path of the file that is written. */
  output?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface TypesResult {
  model: string;
  methods: string[];
  /** null where it was not written to a file. */
  output: string | null;
  content: string;
}

const TIMEOUT_MS = 30_000;

/** The types of a model's inputs and answers as TypeScript. Throws AppError MODEL_INVALID where it has no method. */
export async function types(options: TypesOptions): Promise<TypesResult> {
  const { model, methods } =
    options.from === undefined ? await ofProject(options.dir) : await ofServer(options);
  if (Object.keys(methods).length === 0) {
    throw new AppError("MODEL_INVALID", `The model ${model} has no method that is called over HTTP.`, {
      hint: "A WebSocket's messages have no declared types.",
    });
  }
  const write = options.client ? clientFile : typesFile;
  const content = write({ modelName: model, methods });
  if (options.output !== undefined) {
    mkdirSync(dirname(options.output), { recursive: true });
    writeFileSync(options.output, content);
  }
  return { model, methods: Object.keys(methods), output: options.output ?? null, content };
}

interface FoundTypes {
  model: string;
  methods: Record<string, Partial<MethodTypes>>;
}

async function ofProject(dir: string): Promise<FoundTypes> {
  const project = await loadProject(dir);
  const reader = new ProjectTypes(project);
  try {
    const { methods } = await reader.read();
    return { model: project.config.model_name, methods };
  } finally {
    await reader.dispose();
  }
}

/** What it publishes: schemas of the class included. */
async function ofServer({ from = "", signal }: TypesOptions): Promise<FoundTypes> {
  const address = from.replace(/\/+$/, "");
  const { model } = (await getJson(address, "/", signal)) as { model: string };
  const { methods } = (await getJson(address, "/schema", signal)) as Pick<FoundTypes, "methods">;
  return { model, methods };
}

function getJson(address: string, path: string, signal: AbortSignal | undefined): Promise<unknown> {
  const call = {
    address,
    path,
    method: "GET",
    headers: {},
    body: null,
    timeoutMs: TIMEOUT_MS,
    signal,
  } as const;
  return callModel(call, async ({ status, requestId, body }) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    if (status >= 400) throw readErrorAnswer({ status, requestId, body: text });
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new AppError("REQUEST_FAILED", `${address}${path} gave no JSON.`, {
        cause: error,
        hint: "Is that the address of a running model?",
      });
    }
  });
}
