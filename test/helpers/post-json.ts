export interface JsonAnswer {
  status: number;
  headers: Headers;
  /** The parsed body, for the test to look into. */
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

/** POSTs JSON and reads JSON. */
export async function postJson(url: string, input: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", ...headers },
    body: JSON.stringify(input),
  });
  const text = await response.text();
  const answer: JsonAnswer = { status: response.status, headers: response.headers, body: parse(text) };
  return answer;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error(`no JSON: ${text.slice(0, 500)}`);
  }
}
