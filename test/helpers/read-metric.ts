/**
 * A sample of a running model's /metrics, by its name and labels as the page writes them
 * (`purlin_queue_depth`, `purlin_requests_total{route="/predict",status="200"}`); NaN where it is not there.
 */
export async function readMetric(url: string, sample: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const line = page.split("\n").find((text) => text.startsWith(`${sample} `));
  return line === undefined ? Number.NaN : Number(line.slice(sample.length + 1));
}
