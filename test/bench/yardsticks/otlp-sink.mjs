/** Takes whatever is sent as OTLP and drops it; GET /count says how many requests that were. Ends with its stdin. */
import { createServer } from "node:http";

let count = 0;
const server = createServer((request, response) => {
  request.resume().on("end", () => {
    if (request.method === "POST") count += 1;
    response.end(request.url === "/count" ? String(count) : "{}");
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
process.stdin.resume().on("end", () => process.exit(0));
