import { defineCommand } from "../define-command.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";

export const whoamiCommand = defineCommand<RemoteOptions>({
  name: "whoami",
  summary: "tell which deployment server commands go to, and with which key",
  options: [remoteOption],
  async run({ options }, { env, signal }) {
    const { whoami } = await import("../../actions/whoami.ts");
    const json = await whoami({ remote: options.remote, env, signal });
    const { key, host, remote, url } = json;
    const models = key.models === null ? "all models" : key.models.join(", ");
    return {
      json,
      text: `${url} (${remote}), purlin ${host.version} on ${host.target}\nkey ${key.name}: ${key.scope}, ${models}`,
    };
  },
});
