/** `veilmq dashboard`: the analyst's page. */
import { type Command, InvalidArgumentError } from "commander";
import type { DashboardFlags } from "../dashboard.ts";
import { parseDuration } from "../time-options.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const MAX_PORT = 65_535;

const HELP = `
It shows every topic that the credential may read, live: no topic need be named. Kafka is the only place where history is;
the page begins with as much of it as --history says. Nothing is committed: it stands in no consumer's way.

On this machine (127.0.0.1) no login is asked for. Elsewhere it serves HTTPS and asks for a token once, then a cookie:
the token is made at the first start, in --token-file (mode 0600), and printed.

--limits names a file that says what is out of range, and when a value is stale:
  limits:
    - { topic: "greenhouse/*", name: temp, low: 5, high: 35, staleSeconds: 120 }

Exit codes: 0 stopped, 5 revoked.

Examples:
  veilmq dashboard --credential analyst.cred.json
  veilmq dashboard plant/boiler/temperature --credential analyst.cred.json --port 9000 --history 6h
  veilmq dashboard --credential analyst.cred.json --host 0.0.0.0 --tls-cert page.pem --tls-key page.key --token-file token`;

export function addDashboard(program: Command): void {
  const command = program
    .command("dashboard")
    .description("show topics in the browser: latest values, charts, and what others see of them")
    .argument("[topic...]", "names of topics (default: all that your credential may read)")
    .requiredOption("--credential <file>", "as `veilmq kms enrol` made it (mode 0600)")
    .option("--config <file>", "how the operator wants logins: `veilmq consume --help`")
    .option("--host <address>", "where to listen", "127.0.0.1")
    .option("--port <number>", "0 takes a free one", portOption, 8480)
    .option("--tls-cert <file>", "PEM; needed off this machine")
    .option("--tls-key <file>", "PEM (mode 0600)")
    .option("--allow-plaintext", "serve plain HTTP off this machine: readings and token in clear")
    .option("--token-file <file>", "ask for the token in this file; made if it is not there")
    .option("--history <duration>", "how far back the charts reach", parseDuration, HOUR_MS)
    .option("--stale-after <duration>", "a value is stale then", parseDuration, MINUTE_MS)
    .option("--limits <file>", "what is out of range (YAML)")
    .option("--zookeeper <host:port>", "for `What do they see?`: show what really is there")
    .option("--verbose", "say on stderr what it does")
    .addHelpText("after", HELP)
    .action(async (topics: string[], flags: DashboardFlags) => {
      if ((flags.tlsCert === undefined) !== (flags.tlsKey === undefined))
        command.error("error: --tls-cert and --tls-key belong together");
      const { runDashboard } = await import("../dashboard.ts");
      process.exitCode = await runDashboard(topics, flags);
    });
}

function portOption(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) > MAX_PORT)
    throw new InvalidArgumentError("It is a port, 0 to 65535.");
  return Number(text);
}
