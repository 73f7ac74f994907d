/** `veilmq kms …`: the owner's commands, offline. */
import type { Command } from "commander";
import { addEnrol } from "./kms-enrol.ts";
import { addExport } from "./kms-export.ts";
import { addGrant, addUngrant } from "./kms-grant.ts";
import { addInit } from "./kms-init.ts";
import { addList } from "./kms-list.ts";
import { addRestore } from "./kms-restore.ts";
import { addRevoke } from "./kms-revoke.ts";
import { addRotate } from "./kms-rotate.ts";
import { addShow } from "./kms-show.ts";
import { addVerify } from "./kms-verify.ts";

export function addKms(program: Command): void {
  const kms = program
    .command("kms")
    .description("the data owner's side: keys, clients and topics, offline")
    .addHelpText(
      "after",
      `
The owner's folder (--dir) holds everything; keep it on a machine of your own, and a copy somewhere safe. What the
commands write below <tenant>/documents/ goes to the operator, as files or with --bridge.

Example, from nothing to a device and a consumer:
  veilmq kms init acme --bridge-recipient age1… --mqtt mqtts://bridge:8883 --http https://bridge:8443 --ca ca.pem
  veilmq kms enrol pi-01 --publish plant/boiler/temperature
  veilmq kms enrol desk --subscribe plant/boiler/temperature
  veilmq kms grant desk --subscribe plant/boiler/pressure --valid-until 2027-12-31
  veilmq kms revoke pi-01
  veilmq kms rotate
  veilmq kms verify && veilmq kms export acme.backup`,
    );
  addInit(kms);
  addEnrol(kms);
  addGrant(kms);
  addUngrant(kms);
  addRevoke(kms);
  addRotate(kms);
  addList(kms);
  addShow(kms);
  addVerify(kms);
  addExport(kms);
  addRestore(kms);
}
