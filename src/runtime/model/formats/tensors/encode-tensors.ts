import { InputError } from "../wire-format.ts";
import { nameIn } from "../../../channel/inference-target.ts";
import { writeBytesElements } from "./bytes-elements.ts";
import { bytesOf, type NumericArray } from "./datatypes.ts";
import { shown } from "../shown.ts";
import { fromHalf } from "./half-float.ts";
import { outputTensors } from "./output-tensors.ts";
import type { Tensor } from "./tensor.ts";

export interface WantedOutput {
  name: string;
  binary: boolean;
}

export interface EncodeOptions {
  id: string | undefined;
  url: string;
  /** undefined for all that the model gives. */
  list: WantedOutput[] | undefined;
  allBinary: boolean;
}

/** An inference response: JSON, and behind it the data of the outputs that are wanted as binary. */
export function encodeTensors(
  output: unknown,
  options: EncodeOptions,
): { contentType: string; headers?: string[]; body: Uint8Array } {
  const { id, url, list, allBinary } = options;
  const tensors = outputTensors(output, list?.length === 1 ? list[0]?.name : undefined);
  const wanted = list ?? [...tensors.keys()].map((name) => ({ name, binary: allBinary }));
  const binary: Uint8Array[] = [];
  const outputs = wanted.map(({ name, binary: asBinary }) => {
    const tensor = tensors.get(name) ?? noSuchOutput(name, [...tensors.keys()]);
    const { datatype, shape, data } = tensor;
    if (!asBinary) return `{${fields({ name, datatype, shape })},"data":${jsonData(name, tensor)}}`;
    const bytes = datatype === "BYTES" ? writeBytesElements(data as string[]) : bytesOf(data as NumericArray);
    binary.push(bytes);
    return `{${fields({ name, datatype, shape, parameters: { binary_data_size: bytes.byteLength } })}}`;
  });
  const { model, version } = nameIn(url);
  const head = fields({ model_name: model, model_version: version, id });
  const json = Buffer.from(`{${head},"outputs":[${outputs.join(",")}]}`);
  if (binary.length === 0) return { contentType: "application/json", body: json };
  return {
    contentType: "application/octet-stream",
    headers: ["inference-header-content-length", String(json.byteLength)],
    // One copy, made now: the model may use its arrays again for the next request.
    body: Buffer.concat([json, ...binary]),
  };
}

/** The inside of an object's JSON. */
function fields(object: object): string {
  return JSON.stringify(object).slice(1, -1);
}

/** 64-bit numbers are written out in full, which JSON allows and JSON.stringify cannot. */
function jsonData(name: string, { datatype, data }: Tensor): string {
  if (datatype === "INT64" || datatype === "UINT64") return `[${(data as BigInt64Array).join(",")}]`;
  if (datatype === "BOOL") return JSON.stringify(Array.from(data as Uint8Array, Boolean));
  if (datatype === "FP16") return JSON.stringify(Array.from(halves(data as Uint16Array)));
  if (datatype !== "BYTES") return JSON.stringify(Array.from(data as Float32Array));
  if ((data as unknown[]).every((element) => typeof element === "string")) return JSON.stringify(data);
  const problem = `output ${JSON.stringify(name)} holds bytes that are no text: ask for it with binary_data`;
  throw new InputError("INVALID_INPUT", `Inference request: ${problem}.`);
}

/** Node's own array of half floats, where there is one, gives the numbers themselves. */
function halves(data: Uint16Array | Iterable<number>): Iterable<number> {
  return data instanceof Uint16Array ? Float64Array.from(data, fromHalf) : data;
}

function noSuchOutput(name: string, names: string[]): never {
  const there = names.map((one) => JSON.stringify(one)).join(", ");
  const problem = `the model gave no output ${shown(name)}; it gave ${there || "none"}`;
  throw new InputError("INVALID_INPUT", `Inference request: ${problem}.`);
}
