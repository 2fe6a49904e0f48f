/** A fast wrong answer is no figure: each server's answer is compared once before it is measured. */
import { request } from "node:http";
import { payload } from "../load/payloads.mjs";

/** Posts the payload and throws unless `accept(bytes)` holds. */
export async function checkAnswer(server, { path, body: bodyName }, accept) {
  const { body, headers } = payload(bodyName);
  const answer = await post({ port: server.port, path, headers, body });
  if (answer.status !== 200 || !accept(answer.body, body)) {
    throw new Error(
      `${path} with ${bodyName} answered ${answer.status}: ${answer.body.subarray(0, 200).toString()}`,
    );
  }
}

export const sameBytes = (got, sent) => got.equals(sent);
export const hundredTokens = (got) => got.toString().split("token number").length === 101;

function post({ port, path, headers: own, body }) {
  return new Promise((resolve, reject) => {
    const headers = { ...own, "content-length": body.length };
    const outgoing = request({ host: "127.0.0.1", port, path, method: "POST", headers }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode, body: Buffer.concat(parts) }));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
