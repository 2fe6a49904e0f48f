import { parentPort } from "node:worker_threads";
import { serveTypes } from "./serve-types.ts";

/** A thread of its own: reading types computes for a while, and saves, bundling and requests go on meanwhile. */
if (parentPort !== null) serveTypes(parentPort);
