/** A client that asks without pause over a kept connection until the answer is that of the new code. */
import { Agent, request } from "node:http";

const GIVE_UP_MS = 60_000;
/** Between two requests where nobody listens: a server that restarts. */
const REFUSED_MS = 1;

/**
 * `act` makes the change and returns when the clock started (performance.now()). Resolves with the milliseconds to
 * the first answer with `version`, that answer, and for how long requests failed. Where `mayFail` is not set, a request
 * that fails is the end of the bench: no reload of ours may cost one.
 */
export async function timeToAnswer(target, { act, version, mayFail = false }) {
  await pause();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let failedMs = 0;
  let last = 0;
  try {
    await ask(target, agent);
    const began = await act();
    last = performance.now();
    for (;;) {
      const answer = await ask(target, agent).catch((error) => error);
      const now = performance.now();
      if (answer instanceof Error) {
        if (!mayFail) throw answer;
        failedMs += now - last;
        await new Promise((resolve) => setTimeout(resolve, REFUSED_MS));
      } else if (answer.version === version) {
        return { ms: now - began, began, ended: now, answer, failedMs };
      }
      last = now;
      if (now - began > GIVE_UP_MS) throw new Error(`${target.path}: version ${version} never answered`);
    }
  } finally {
    agent.destroy();
  }
}

/** So that no two edits meet, and none comes at a beat of some timer. */
function pause() {
  return new Promise((resolve) => setTimeout(resolve, 250 + Math.random() * 150));
}

function ask({ port, path, key }, agent) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    if (key !== undefined) headers.authorization = `Bearer ${key}`;
    const outgoing = request(
      { host: "127.0.0.1", port, path, method: "POST", agent, headers },
      (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(parts).toString();
          if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(`a request during a save was answered ${response.statusCode}: ${text}`));
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end("{}");
  });
}
