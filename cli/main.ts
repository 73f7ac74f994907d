#!/usr/bin/env node
/** `veilmq`: does what its arguments say. */
import { runCommand } from "./program.ts";

await runCommand(process.argv.slice(2));
