import { Eta } from "../../client/transfer/eta.ts";
import type { UploadProgress } from "../../client/transfer/upload-files.ts";
import type { Reporter } from "../../events.ts";

/** What has reached the server's disk counts; what is on its way is told apart. */
export function uploadProgress(report: Reporter): {
  begin(files: number, bytes: number): void;
  tell(progress: UploadProgress): void;
} {
  const eta = new Eta();
  let last = 0;
  return {
    begin(files, bytes) {
      if (files === 0) report.emit({ type: "note", message: "the server has every file already" });
      else report.emit({ type: "step", message: `uploading ${files} ${files === 1 ? "file" : "files"}` });
      eta.add(performance.now(), 0);
      report.emit({ type: "progress", what: "acknowledged", done: 0, total: bytes, unit: "bytes" });
    },
    tell({ sent, acknowledged, total }) {
      const now = performance.now();
      if (now - last < 100 && acknowledged < total) return;
      last = now;
      eta.add(now, acknowledged);
      const seconds = eta.remaining(total);
      const left = seconds === null ? "" : `, about ${Math.ceil(seconds)} s left`;
      const ahead = Math.max(0, Math.min(total, sent) - acknowledged);
      const what = `acknowledged${ahead > 1024 * 1024 ? ` (${Math.round(ahead / 1024 / 1024)} MiB more on the way)` : ""}${left}`;
      report.emit({ type: "progress", what, done: acknowledged, total, unit: "bytes" });
    },
  };
}
