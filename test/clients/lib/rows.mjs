// For rows in JavaScript and TypeScript: `await row(call, must, check)` prints one result. A check that throws has failed.
import assert from "node:assert/strict";

export const target = JSON.parse(process.env.PURLIN_TARGET ?? "{}");

export function print(result) {
  process.stdout.write(`${JSON.stringify({ row: result })}\n`);
}

export async function row(call, must, check) {
  try {
    const got = await withDeadline(check());
    print({ call, must, ok: true, detail: short(got) });
  } catch (error) {
    print({ call, must, ok: false, detail: short(describe(error)) });
  }
}

export function skip(call, must, why) {
  print({ call, must, ok: false, detail: "", skipped: why });
}

/** What the call threw; that it throws is part of what it must do. */
export async function thrownBy(call) {
  let value;
  try {
    value = await (typeof call === "function" ? call() : call);
  } catch (error) {
    return error;
  }
  assert.fail(`it did not fail: ${short(value)}`);
}

/** One row that hangs is one failure. */
function withDeadline(promise) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("no answer within a minute")), 60_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function describe(error) {
  if (!(error instanceof Error)) return error;
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.constructor.name}: ${error.message}${cause}`;
}

function short(value) {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.slice(0, 800);
}
