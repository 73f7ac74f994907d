/** Asks for secrets at a terminal, without showing them. */
import type { ReadStream } from "node:tty";
import { VeilError } from "../core/errors.ts";

const ENTER = new Set(["\r", "\n"]);
const ERASE = new Set(["\x7f", "\b"]);
/** Ctrl-C and Ctrl-D, which raw mode hands over as characters. */
const GIVE_UP = new Set(["\x03", "\x04"]);
/** What a person types or pastes; more is a mistake. */
const MAX_CHARACTERS = 1_024;

/**
 * The answers to `questions`, which go to stderr. Throws SECRET_FILE without a terminal, STOPPED on Ctrl-C or Ctrl-D.
 * One call for all questions: what is pasted for two of them may arrive at once.
 */
export async function promptSecrets(questions: readonly string[]): Promise<string[]> {
  const input = process.stdin;
  if (!input.isTTY)
    throw new VeilError("SECRET_FILE", "there is no terminal to ask for the passphrase", {
      hint: "--passphrase-file FILE, which only you can read",
    });
  input.setEncoding("utf8");
  input.setRawMode(true);
  try {
    return await readAnswers(input, questions);
  } finally {
    input.setRawMode(false);
    input.pause();
  }
}

function readAnswers(input: ReadStream, questions: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const answers: string[] = [];
    let typed: string[] = [];
    const ask = (): boolean => process.stderr.write(questions[answers.length] ?? "");
    const settle = (finish: () => void): void => {
      input.off("data", onData);
      finish();
    };
    const take = (key: string): void => {
      if (ENTER.has(key) || GIVE_UP.has(key)) process.stderr.write("\n");
      if (GIVE_UP.has(key))
        settle(() => reject(new VeilError("STOPPED", "no passphrase was given")));
      else if (ENTER.has(key)) {
        answers.push(typed.join(""));
        typed = [];
        if (answers.length === questions.length) settle(() => resolve(answers));
        else ask();
      } else if (ERASE.has(key)) typed.pop();
      else if (key >= " " && typed.length < MAX_CHARACTERS) typed.push(key);
    };
    const onData = (chunk: string): void => {
      for (const key of chunk) if (answers.length < questions.length) take(key);
    };
    input.on("data", onData);
    ask();
    input.resume();
  });
}
