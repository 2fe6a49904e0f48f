/** What is known of a request once it is over, for the log and the metrics. */
export interface RequestDone {
  id: string;
  /** Route template. */
  route: string;
  method: string;
  path: string;
  status: number;
  /** Our error code, empty for none. */
  code: string;
  ms: number;
  queueMs: number;
  bytes: number;
}
