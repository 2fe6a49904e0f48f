import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { tmpDir } from "./tmp-dir.ts";
import { until } from "./until.ts";

const PAGE = new URL("../../docs/guides/behind-a-proxy.md", import.meta.url);

export type ProxyName = "nginx" | "haproxy" | "caddy";

interface Proxy {
  file: string;
  /** What a test has to change of the file: where it listens, where Purlin is, where it may write. */
  adapt(text: string, at: { port: number; upstream: string; dir: string }): string;
  command(file: string, dir: string): string[];
}

const NGINX_FOLDERS = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

const PROXIES: Record<ProxyName, Proxy> = {
  nginx: {
    file: "nginx.conf",
    adapt: (text, { port, upstream, dir }) =>
      text
        .replaceAll("listen 80;", `listen 127.0.0.1:${port};`)
        .replaceAll("127.0.0.1:8080", upstream)
        .replace(
          "http {",
          `http { access_log off; ${NGINX_FOLDERS.map((name) => `${name}_temp_path ${dir}/${name};`).join(" ")}`,
        ),
    command: (file, dir) => {
      const globals = `daemon off; master_process off; pid ${dir}/nginx.pid; error_log stderr;`;
      return ["nginx", "-e", "stderr", "-p", dir, "-c", file, "-g", globals];
    },
  },
  haproxy: {
    file: "haproxy.cfg",
    adapt: (text, { port, upstream }) =>
      text.replace("bind :80", `bind 127.0.0.1:${port}`).replaceAll("127.0.0.1:8080", upstream),
    command: (file) => ["haproxy", "-db", "-f", file],
  },
  caddy: {
    file: "Caddyfile",
    adapt: (text, { port, upstream, dir }) =>
      `{\n  admin off\n  auto_https off\n  storage file_system ${dir}/caddy\n}\n${text
        .replace(":80 {", `http://127.0.0.1:${port} {`)
        .replaceAll("127.0.0.1:8080", upstream)}`,
    command: (file) => ["caddy", "run", "--config", file, "--adapter", "caddyfile"],
  },
};

const ENV = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin:/usr/local/sbin` };

export function isInstalled(name: ProxyName): boolean {
  const args = { nginx: ["-v"], haproxy: ["-v"], caddy: ["version"] }[name];
  return spawnSync(name, args, { env: ENV }).status === 0;
}

/** Starts the program with the guide's file, or with `config`, in front of `url`; its address, until the test is over. */
export async function startProxy(
  t: TestContext,
  name: ProxyName,
  { url, config }: { url: string; config?: string },
): Promise<string> {
  const dir = await tmpDir(t);
  const proxy = PROXIES[name];
  const port = await freePort();
  const text = config ?? (await blockOf(proxy.file));
  const file = join(dir, proxy.file);
  await writeFile(file, proxy.adapt(text, { port, upstream: new URL(url).host, dir }));
  const [program = "", ...args] = proxy.command(file, dir);
  const env = { ...ENV, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
  const child = spawn(program, args, { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (said += String(piece)));
  const exited = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const address = `http://127.0.0.1:${port}`;
  await until(
    () => {
      if (child.exitCode !== null) return true;
      return fetch(`${address}/health/live`).then(({ status }) => status === 200);
    },
    { what: () => `${name}: ${said}`, timeout: 20_000 },
  );
  if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${said}`);
  return address;
}

/** The block of the guide that is the file of that name. */
async function blockOf(file: string): Promise<string> {
  const page = await readFile(PAGE, "utf8");
  const [, text] = new RegExp(`^\`\`\`\\w+ ${file.replace(".", "\\.")}\n(.*?)^\`\`\``, "ms").exec(page) ?? [];
  if (text === undefined) throw new Error(`the guide has no ${file}`);
  return text;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
