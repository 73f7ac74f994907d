/** What ends a consumer whose topic no bridge knows, or does not grant to it: the two read the same. */
import { VeilError } from "../../core/errors.ts";
import { TOPIC_NOT_FOUND } from "../../core/wire/http.ts";

/** NOT_FOUND, told apart from everything else that is not there: `veilmq consume` has an exit code for it. */
export class TopicNotFoundError extends VeilError {
  constructor() {
    super("NOT_FOUND", TOPIC_NOT_FOUND, {
      hint: "nothing was published there yet, or it is not granted to you; --wait waits for it",
    });
  }
}
