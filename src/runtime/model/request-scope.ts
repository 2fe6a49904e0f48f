import { AsyncLocalStorage } from "node:async_hooks";
import type { Scope } from "./job-trace.ts";

/** Which request the running user code works for; its log lines carry the id. */
export const requestScope = new AsyncLocalStorage<Scope>();
