/**
 * The load generator: a process of its own that runs one job after another, so that its code is compiled
 * before the first measured slice. Started by lib/load-client.mjs; jobs and results travel over IPC.
 */
import { connect } from "node:net";
import { payload } from "./payloads.mjs";
import { ResponseFramer } from "./response-framer.mjs";

const READ_BUFFER_BYTES = 256 * 1024;

const kinds = { "closed-loop": closedLoop, fresh: freshConnections, probe };

process.on("message", async ({ id, job }) => {
  const started = process.cpuUsage();
  try {
    const result = await kinds[job.kind ?? "closed-loop"](job);
    const used = process.cpuUsage(started);
    process.send({ id, result: { ...result, client_cpu_us: used.user + used.system } });
  } catch (error) {
    process.send({ id, error: error.message });
  }
});
process.on("disconnect", () => process.exit());

/**
 * `connections` keep-alive connections, each sending its next request when the last one is answered, until
 * `ms` have passed or `count` requests are done. Latencies in ms; `per_second` over completed requests.
 */
function closedLoop({ port, path, body: bodyName, connections, key, ms = Infinity, count = Infinity }) {
  const request = requestBytes("POST", path, bodyName, key);
  const latencies = [];
  const firstBytes = [];
  const totals = { requests: 0, errors: 0, chunks: 0, bytes: 0, status: 0 };
  const start = performance.now();
  const deadline = start + ms;
  let last = start;
  let issued = 0;

  const runConnection = () =>
    new Promise((resolve, reject) => {
      let sentAt = 0;
      const send = () => {
        issued += 1;
        sentAt = performance.now();
        socket.write(request);
      };
      const framer = new ResponseFramer(
        () => firstBytes.push(performance.now() - sentAt),
        () => {
          last = performance.now();
          latencies.push(last - sentAt);
          totals.requests += 1;
          totals.chunks += framer.chunks;
          totals.bytes += framer.bytes;
          if (framer.status !== 200) {
            totals.errors += 1;
            totals.status = framer.status;
          }
          if (last < deadline && issued < count) send();
          else socket.end(() => resolve());
        },
      );
      const socket = openSocket(port, framer, send);
      socket.on("error", reject);
      socket.on("close", () => resolve());
    });

  return Promise.all(Array.from({ length: connections }, runConnection)).then(() => ({
    ...totals,
    per_second: (totals.requests / (last - start)) * 1000,
    chunks_per_second: (totals.chunks / (last - start)) * 1000,
    ...percentiles("latency", latencies),
    ...percentiles("first", firstBytes),
  }));
}

/** One request after the other, each over a connection of its own; times count from the connect. */
async function freshConnections({ port, path, body, ms }) {
  const request = requestBytes("POST", path, body);
  const latencies = [];
  const firstBytes = [];
  let errors = 0;
  const deadline = performance.now() + ms;
  while (performance.now() < deadline) {
    await new Promise((resolve, reject) => {
      const from = performance.now();
      const framer = new ResponseFramer(
        () => firstBytes.push(performance.now() - from),
        () => {
          latencies.push(performance.now() - from);
          if (framer.status !== 200) errors += 1;
          socket.destroy();
        },
      );
      const socket = openSocket(port, framer, () => socket.write(request));
      socket.on("error", reject);
      socket.on("close", () => resolve());
    });
  }
  const requests = latencies.length;
  return { requests, errors, ...percentiles("latency", latencies), ...percentiles("first", firstBytes) };
}

/** A GET every `every_ms`, for `ms`: over one kept connection, or over a new one each time. */
async function probe({ port, path, keepAlive, every_ms: everyMs, ms }) {
  const request = requestBytes("GET", path, "none");
  const latencies = [];
  let errors = 0;
  const start = performance.now();
  let kept = null;
  for (let tick = 0; performance.now() - start < ms; tick += 1) {
    await pauseUntil(start + tick * everyMs);
    const from = performance.now();
    kept ??= await openProbe(port, request);
    const status = await kept.ask();
    latencies.push(performance.now() - from);
    if (status !== 200) errors += 1;
    if (!keepAlive) {
      kept.close();
      kept = null;
    }
  }
  kept?.close();
  return { requests: latencies.length, errors, ...percentiles("latency", latencies) };
}

function openProbe(port, request) {
  return new Promise((resolve, reject) => {
    let answered = null;
    const framer = new ResponseFramer(
      () => undefined,
      () => answered?.(framer.status),
    );
    const socket = openSocket(port, framer, () =>
      resolve({
        ask: () =>
          new Promise((done) => {
            answered = done;
            socket.write(request);
          }),
        close: () => socket.destroy(),
      }),
    );
    socket.on("error", reject);
  });
}

function openSocket(port, framer, onConnect) {
  const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  const socket = connect({
    port,
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer,
      callback(length) {
        framer.push(buffer, length);
        return true;
      },
    },
  });
  socket.on("connect", onConnect);
  return socket;
}

function requestBytes(method, path, bodyName, key) {
  const { body, headers } = payload(bodyName);
  const head = [`${method} ${path} HTTP/1.1`, "host: 127.0.0.1"];
  if (key !== undefined) head.push(`authorization: Bearer ${key}`);
  if (method === "POST") {
    for (const [name, value] of Object.entries(headers)) head.push(`${name}: ${value}`);
    head.push(`content-length: ${body.length}`);
  }
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

function percentiles(name, values) {
  if (values.length === 0) return {};
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return {
    [`${name}_p50`]: at(0.5),
    [`${name}_p95`]: at(0.95),
    [`${name}_p99`]: at(0.99),
    [`${name}_max`]: at(1),
  };
}

function pauseUntil(time) {
  const left = time - performance.now();
  return left <= 0 ? undefined : new Promise((resolve) => setTimeout(resolve, left));
}
