import { BodyFormat } from "../../channel/body-format.ts";
import { formFormat } from "./form-format.ts";
import type { WireFormat } from "./wire-format.ts";

export const formats: Record<number, WireFormat> = { [BodyFormat.FORM]: formFormat };
