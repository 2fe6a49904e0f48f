/** Name and version out of `/v1/models/{model}` or `/v2/models/{model}[/versions/{version}]...`; empty where the target has none. */
export function nameIn(target: string): { model: string; version: string | undefined } {
  const [, model = "", version] = /^\/v[12]\/models\/([^/?]+)(?:\/versions\/([^/?]+))?/.exec(target) ?? [];
  return { model: plain(model), version: version === undefined ? undefined : plain(version) };
}

function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
