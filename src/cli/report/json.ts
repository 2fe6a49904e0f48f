import type { ActionEvent } from "../../events.ts";
import { problemJson } from "../error-json.ts";
import type { CliReporter } from "./cli-reporter.ts";

/** For --json with work that goes on: each event is a line of its own. */
export function createJsonReporter(writeLine: (json: string) => void): CliReporter {
  return {
    emit(event) {
      if (event.type !== "output") writeLine(JSON.stringify(eventJson(event)));
    },
    settle() {},
  };
}

function eventJson(event: ActionEvent): Record<string, unknown> {
  return "problems" in event ? { ...event, problems: event.problems.map(problemJson) } : { ...event };
}
