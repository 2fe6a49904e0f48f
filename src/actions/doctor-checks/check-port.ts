import { createServer } from "node:net";
import { type Check, ok, warn } from "./check.ts";

/** The port that `serve` takes when it is told no other. */
export function checkPort(port = 8080, host = "127.0.0.1"): Promise<Check> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      const detail =
        error.code === "EADDRINUSE"
          ? `Another process listens on ${host}:${port}.`
          : `${host}:${port} cannot be listened on: ${error.message}`;
      resolve(warn("port", detail, "Serve on another one: purlin serve --port 0 picks one that is free."));
    });
    server.listen({ port, host, exclusive: true }, () => {
      server.close(() => resolve(ok("port", `${host}:${port} is free`)));
    });
  });
}
