/** Writes our own vector files: `npm run build && node dist/test/vectors/write.js`, from the repository's root. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ownVectors } from "./own-vectors.ts";

for (const [name, file] of Object.entries(ownVectors()))
  await writeFile(join("test", "vectors", name), `${JSON.stringify(file, null, 2)}\n`);
