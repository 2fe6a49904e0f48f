import { checkEsbuild } from "../../bundle/check-esbuild.ts";
import { type Check, fail, ok } from "./check.ts";

export async function checkBundler(): Promise<Check> {
  try {
    return ok("bundler", `esbuild ${await checkEsbuild()} runs`);
  } catch (error) {
    return fail(
      "bundler",
      `esbuild does not run: ${(error as Error).message.split("\n")[0]}`,
      "Its binary comes with an optional package for this platform: install Purlin again, without --omit=optional.",
    );
  }
}
