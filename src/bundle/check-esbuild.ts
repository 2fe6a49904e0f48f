/** The version of esbuild's binary, proven to run. Throws whatever keeps it from running. */
export async function checkEsbuild(): Promise<string> {
  const esbuild = await import("esbuild");
  await esbuild.transform("let answer: number = 42", { loader: "ts" });
  return esbuild.version;
}
