import { HttpError } from "purlin";

const events = new Map<string, string[]>();
const tries = new Map<string, number>();

/** What was told under a name; the second argument tells it. */
export function seen(name: string, event?: string): string[] {
  const list = events.get(name) ?? [];
  if (event !== undefined) events.set(name, [...list, event]);
  return list;
}

/** Text of the last message, whatever parts it has. */
export function lastText(messages: any[]): string {
  const content = messages.at(-1)?.content ?? "";
  if (typeof content === "string") return content;
  return content.map(partText).join("");
}

function partText(part: any): string {
  if (part.type === "image_url") return `[image of ${part.image_url.url.length}]`;
  if (part.type === "image") return `[image of ${part.source.data.length}]`;
  if (part.type === "tool_result")
    return [part.content]
      .flat()
      .map((each: any) => each.text ?? each)
      .join("");
  return part.text ?? `[${part.type}]`;
}

/**
 * do status 429 [seconds] | do text 429 | do throw | do wait NAME 5000 | do fail NAME 503 2:
 * the order's answer, or null where the text is no order.
 */
export async function obey(text: string, request: Request): Promise<string | null> {
  const [start, order, ...words] = text.split(" ");
  if (start !== "do") return null;
  const [first = "", second = "", third = ""] = words;
  switch (order) {
    case "status": {
      const detail = {
        message: `status ${first} was asked for`,
        type: "asked_type",
        code: "asked_code",
        param: "asked_param",
      };
      throw new HttpError(Number(first), detail, second ? { headers: { "retry-after": second } } : {});
    }
    case "text":
      throw new HttpError(Number(first), "a sentence of the model");
    case "throw":
      throw new Error("a secret of the model");
    case "wait":
      return wait(first, Number(second), request);
    case "fail": {
      const tried = (tries.get(first) ?? 0) + 1;
      tries.set(first, tried);
      if (tried <= Number(third))
        throw new HttpError(Number(second), "try later", { headers: { "retry-after": "1" } });
      return `ok at try ${tried}`;
    }
    default:
      return null;
  }
}

async function wait(name: string, milliseconds: number, request: Request): Promise<string> {
  seen(name, "began");
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    request.signal.addEventListener("abort", () => {
      clearTimeout(timer);
      seen(name, "aborted");
      reject(request.signal.reason);
    });
  });
  seen(name, "ended");
  return "waited";
}

/** The pieces of a streamed answer. "break" and "break status 429" fail after two; "endless NAME" goes on. */
export async function* pieces(text: string, request: Request): AsyncGenerator<string> {
  const [first, second, third] = text.split(" ");
  if (first === "break") {
    yield "one ";
    yield "two ";
    if (second === "status")
      throw new HttpError(Number(third), {
        message: "broken as asked",
        type: "asked_type",
        code: "asked_code",
      });
    if (second === "text") throw new HttpError(429, "a sentence of the model");
    throw new Error("a secret of the model");
  }
  if (first === "endless") {
    let sent = 0;
    try {
      for (; sent < 3000; sent++) {
        yield `${sent} `;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    } finally {
      seen(second ?? "", `stopped, aborted ${request.signal.aborted}`);
    }
    return;
  }
  for (const piece of text.toUpperCase().split(/(?<= )/)) yield piece;
}
