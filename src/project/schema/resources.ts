import * as z from "zod";
import { parseBytes } from "../../protocol/bytes.ts";
import { parseCpu } from "../quantity.ts";
import { field, leaf, section } from "./fields.ts";

export const ACCELERATORS = [
  "T4", "L4", "A10G", "V100", "A100", "A100_40GB", "L40S", "H100", "H100_40GB", "H200", "B200", "B300",
  "GB300", "RTX_PRO_6000",
] as const; // prettier-ignore

/** Less than this is a forgotten suffix, not a model's memory. */
const LEAST_MEMORY = 1000;

const cpu = leaf(
  z
    .string()
    .regex(/^(\d+(\.\d+)?|\.\d+)m?$/)
    .refine((text) => parseCpu(text) !== null),
  'cores as text: "1", "1.5" or "1500m"',
);

const memory = leaf(
  z.union([
    z
      .string()
      .regex(/^(\d+(\.\d+)?|\.\d+)(k|[MGTPE]|[KMGTPE]i)?$/)
      .refine((text) => (parseBytes(text) ?? 0) >= LEAST_MEMORY),
    z.int().min(LEAST_MEMORY),
  ]),
  `bytes, ${LEAST_MEMORY} or more, as Kubernetes writes them: "512Mi", "2Gi"`,
).transform(String);

const accelerator = leaf(
  z.string().regex(new RegExp(`^(${ACCELERATORS.join("|")})(:[1-9][0-9]{0,2})?$`)),
  `a type and a count, such as "H100:2"; the types are ${ACCELERATORS.join(", ")}`,
  ACCELERATORS,
)
  .nullable()
  .transform((text) => text?.replace(/:1$/, "") ?? null);

export const resources = section(
  {
    cpu: field(cpu, "1", 'Cores, as Kubernetes writes them: "1", "1.5", "500m".'),
    memory: field(memory, "2Gi", 'Memory, as Kubernetes writes it: "512Mi", "2Gi".'),
    accelerator: field(accelerator, null, 'GPU type and count ("H100:2"), or null.'),
  },
  "Requests and limits, wherever the engine can apply them.",
);
