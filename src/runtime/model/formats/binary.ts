import { BodyFormat } from "../../channel/body-format.ts";
import { msgpackFormat } from "./msgpack/msgpack-format.ts";
import { tensorsFormat } from "./tensors/tensors-format.ts";
import type { WireFormat } from "./wire-format.ts";

export const formats: Record<number, WireFormat> = {
  [BodyFormat.MSGPACK]: msgpackFormat,
  [BodyFormat.TENSORS]: tensorsFormat,
};
