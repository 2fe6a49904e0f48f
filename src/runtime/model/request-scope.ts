import { AsyncLocalStorage } from "node:async_hooks";

/** Which request the running user code works for; its log lines carry the id. */
export const requestScope = new AsyncLocalStorage<{ requestId: string; traceId: string }>();
