import { HttpError } from "purlin";

export interface DownloadLimits {
  max_bytes: number;
  timeout_seconds: number;
  /** Hosts that images may come from; empty allows all. */
  allowed_hosts: string[];
}

/** Fetches a URL that a caller gave us. Whatever goes wrong is the caller's to know: an HttpError of 4xx or 504. */
export async function download(
  url: string,
  limits: DownloadLimits,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { max_bytes, timeout_seconds, allowed_hosts } = limits;
  const { protocol, hostname } = new URL(url);
  const isRestricted = allowed_hosts.length > 0 && protocol !== "data:";
  if (isRestricted && !allowed_hosts.includes(hostname)) {
    throw new HttpError(403, `Images from ${hostname} are not allowed`, { code: "HOST_NOT_ALLOWED" });
  }

  const timeout = AbortSignal.timeout(timeout_seconds * 1000);
  try {
    const response = await fetch(url, {
      // The client's own signal too: when it has gone, so is the reason to download.
      signal: AbortSignal.any([signal, timeout]),
      headers: { accept: "image/png, image/jpeg" },
      // A redirect could lead to a host that is not on the list.
      redirect: isRestricted ? "error" : "follow",
    });
    if (!response.ok) throw failed(`${hostname} answered ${response.status}`);
    const type = response.headers.get("content-type") ?? "";
    if (!/^image\/(png|jpe?g)\b/.test(type)) {
      throw new HttpError(415, `Not a PNG or JPEG but "${type}"`, { code: "NOT_AN_IMAGE" });
    }
    return await readBody(response, max_bytes);
  } catch (error) {
    if (error instanceof HttpError || signal.aborted) throw error;
    if (timeout.aborted) {
      throw new HttpError(504, `The image did not arrive within ${timeout_seconds} s`, {
        code: "DOWNLOAD_TIMEOUT",
      });
    }
    const cause = (error as Error).cause;
    throw failed(cause instanceof Error && cause.message ? cause.message : (error as Error).message, error);
  }
}

/** Counts while it reads: a content-length may be missing, or a lie. */
async function readBody(response: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    // Leaving the loop cancels the download.
    if (size > maxBytes) {
      throw new HttpError(413, `The image is larger than ${maxBytes} bytes`, { code: "IMAGE_TOO_LARGE" });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function failed(reason: string, cause?: unknown): HttpError {
  return new HttpError(422, `The image could not be downloaded: ${reason}`, {
    code: "DOWNLOAD_FAILED",
    cause,
  });
}
