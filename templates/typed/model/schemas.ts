import { z } from "zod";

/** Checked before `preprocess`; a violation is a 400 that names the path. */
export const Input = z.object({
  image_url: z
    .url({ protocol: /^(https?|data)$/ })
    .describe("Where a PNG or JPEG is: http, https or a data URL"),
  colors: z.int().min(1).max(16).default(5).describe("How many colours to find"),
  format: z.enum(["json", "png"]).default("json").describe("png: the colours as a picture"),
});

/** Checked in development. Both appear at /schema and in /openapi.json. */
export const Output = z.object({
  width: z.int(),
  height: z.int(),
  palette: z.array(
    z.object({
      hex: z.string().regex(/^#[0-9a-f]{6}$/),
      share: z.number().min(0).max(1),
    }),
  ),
});
