import type { JsonSchema } from "../../protocol/model-types.ts";

const DATATYPES = [
  "BOOL",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FP16",
  "FP32",
  "FP64",
  "BYTES",
];

const parameters = { type: "object", description: "Of the protocol's extensions, or the model's own." };
const shape = { type: "array", items: { type: "integer", minimum: 0 } };
const name = { type: "string" };
const datatype = { type: "string", enum: DATATYPES };

/** Bodies of the Open Inference Protocol v2 in JSON. */
export const INFERENCE_SCHEMAS: Record<string, JsonSchema> = {
  InferenceTensor: {
    type: "object",
    description:
      "As many elements as the shape says: in `data`, or behind the JSON where `binary_data_size` is given.",
    required: ["name", "shape", "datatype"],
    properties: {
      name,
      shape,
      datatype,
      parameters,
      data: { type: "array", items: {}, description: "Flat, or nested." },
    },
  },
  InferenceRequest: {
    type: "object",
    required: ["inputs"],
    properties: {
      id: { type: "string" },
      parameters,
      inputs: { type: "array", items: { $ref: "#/components/schemas/InferenceTensor" } },
      outputs: {
        type: "array",
        items: { type: "object", required: ["name"], properties: { name, parameters } },
      },
    },
  },
  InferenceResponse: {
    type: "object",
    required: ["model_name", "outputs"],
    properties: {
      model_name: { type: "string" },
      model_version: { type: "string" },
      id: { type: "string" },
      parameters,
      outputs: { type: "array", items: { $ref: "#/components/schemas/InferenceTensor" } },
    },
  },
};
