import type { Io } from "./io.ts";

/** Whether a stream is somebody's screen: a terminal, and no CI that only looks like one. */
export function isScreen(io: Pick<Io, "env" | "isTTY">, stream: "stdout" | "stderr"): boolean {
  return io.isTTY[stream] && !isSet(io.env["CI"]) && io.env["TERM"] !== "dumb";
}

/** --no-color and NO_COLOR win over FORCE_COLOR, which wins over what the stream is. */
export function wantsColour(
  io: Pick<Io, "env" | "isTTY">,
  stream: "stdout" | "stderr",
  flags: { color: boolean },
): boolean {
  if (!flags.color || isSet(io.env["NO_COLOR"])) return false;
  if (isSet(io.env["FORCE_COLOR"])) return io.env["FORCE_COLOR"] !== "0";
  return isScreen(io, stream);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "false";
}
