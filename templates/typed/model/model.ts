import type { ModelContext } from "purlin";
import type { z } from "zod";
import { type Bitmap, decode, drawPalette } from "./decode.ts";
import { download, type DownloadLimits } from "./download.ts";
import { mainColors, type PaletteEntry } from "./palette.ts";
import { Input, Output } from "./schemas.ts";

type ColorRequest = z.infer<typeof Input>;
type Prepared = Omit<ColorRequest, "image_url"> & { bytes: Uint8Array };

interface Prediction {
  image: Bitmap;
  palette: PaletteEntry[];
  format: ColorRequest["format"];
}

/** Finds the main colours of an image. */
export class Model {
  static input = Input;
  static output = Output;

  private readonly limits: DownloadLimits;

  constructor({ config }: ModelContext) {
    this.limits = config.model_metadata as DownloadLimits;
  }

  /** Waiting for other servers is done here: it takes no predict slot, so that slow ones hold nobody up. */
  async preprocess({ image_url, ...rest }: ColorRequest, request: Request): Promise<Prepared> {
    return { ...rest, bytes: await download(image_url, this.limits, request.signal) };
  }

  /** Computing is done here: `runtime.predict_concurrency` at a time. */
  predict({ bytes, colors, format }: Prepared): Prediction {
    const image = decode(bytes);
    return { image, palette: mainColors(image, colors), format };
  }

  /** Either plain data, or a Response with a status and headers of its own. */
  postprocess({ image, palette, format }: Prediction) {
    if (palette.length === 0) {
      return Response.json(
        { error: "The image is transparent all over", code: "NO_COLORS" },
        { status: 422 },
      );
    }
    if (format === "png") {
      return new Response(drawPalette(palette), {
        headers: { "content-type": "image/png", "cache-control": "public, max-age=86400" },
      });
    }
    return { width: image.width, height: image.height, palette };
  }
}
