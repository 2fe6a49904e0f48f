/** NDJSON as it comes; empty lines are signs of life. */
export async function* readLines<Line>(body: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let held = "";
  const decoder = new TextDecoder();
  for await (const piece of body) {
    const lines = (held + decoder.decode(piece, { stream: true })).split("\n");
    held = lines.pop() as string;
    for (const line of lines) if (line !== "") yield JSON.parse(line) as Line;
  }
}
