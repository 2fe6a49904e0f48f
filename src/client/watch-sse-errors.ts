const LONGEST_LINE = 64 * 1024;
/** On OpenAI's routes the event has no name: its data is the body of an error answer. */
const UNNAMED_ERROR = '{"error":{';

/**
 * Looks through a text/event-stream as it passes for the error event with which a model that broke half-way
 * ends it; the status was sent long before.
 */
export function watchSseErrors(): { push(chunk: Uint8Array): void; error(): string | null } {
  const decoder = new TextDecoder();
  let rest = "";
  let event = "";
  let data: string[] = [];
  let found: string | null = null;
  return {
    push(chunk) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
      // Only the beginning of a line counts; a long one is not kept.
      rest = (lines.pop() ?? "").slice(0, LONGEST_LINE);
      for (const line of lines) take(line);
    },
    error: () => found ?? (event === "error" ? data.join("\n") : null),
  };

  function take(line: string): void {
    if (line === "") {
      if (event === "error") found = data.join("\n");
      event = "";
      data = [];
    } else if (line.startsWith("event:")) {
      event = line.slice("event:".length).trim();
    } else if (line.startsWith("data:")) {
      const text = line.slice("data:".length).trimStart();
      if (event === "" && text.startsWith(UNNAMED_ERROR)) event = "error";
      if (event === "error") data.push(text);
    }
  }
}
