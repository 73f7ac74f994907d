import { describe, expect, test } from "vitest";
import { readEnrolList } from "../../kms/enrol-list.ts";
import { FOREVER_MS } from "../../kms/time-text.ts";

const ALWAYS = { nbf: 0, exp: FOREVER_MS };

describe("a list of clients", () => {
  test("has several topics in a field, and in rows", () => {
    const { clients, problems } = readEnrolList(
      [
        "client,publish,subscribe,valid_until,signs",
        "pi-01,a/b|c,d,,yes",
        "desk,,a/b,2099-12-31,",
        "desk,,c,never,",
        "desk,c,,,",
      ].join("\n"),
    );
    const untilMs = Date.UTC(2099, 11, 31);
    expect(problems).toEqual([]);
    expect(clients).toEqual([
      {
        client: "pi-01",
        line: 2,
        signs: true,
        topics: [
          { name: "a/b", ops: ["pub"], ...ALWAYS },
          { name: "c", ops: ["pub"], ...ALWAYS },
          { name: "d", ops: ["sub"], ...ALWAYS },
        ],
      },
      {
        client: "desk",
        line: 3,
        signs: false,
        topics: [
          { name: "a/b", ops: ["sub"], nbf: 0, exp: untilMs },
          { name: "c", ops: ["pub", "sub"], ...ALWAYS },
        ],
      },
    ]);
  });

  test("takes columns in any order and case, quoted topics, and another separator", () => {
    const list = 'Subscribe, CLIENT\n"a|b;\u00e9",desk\n';
    expect(readEnrolList(list, ";").clients[0]?.topics.map(({ name }) => name)).toEqual([
      "a|b",
      "\u00e9",
    ]);
  });

  test("tells all problems at once, with their lines and without a topic's name", () => {
    const { problems } = readEnrolList(
      [
        "client,publish,valid_from,valid_until,signs",
        "Pi 01,a,,,",
        "pi-02,canary||b,,,",
        "pi-03,a,2027-02-30,,",
        "pi-04,a,,1999-01-01,",
        "pi-05,a,,,maybe",
        "pi-06,,,,",
        "pi-07,a,,,,,",
        "pi-08,a,,,yes",
        "pi-08,a,,2099-01-01,no",
        "pi-09,a,2099-01-02,2099-01-01,",
      ].join("\n"),
    );
    expect(problems.map(({ line, what }) => `${line}: ${what}`)).toEqual([
      "2: the client must be 1 to 64 of a-z 0-9 . _ -, and start with a letter or digit",
      "3: a topic name must be 1 to 1024 bytes",
      "4: valid_from must be a date, such as 2027-01-01",
      "5: valid_until is in the past",
      "6: signs must be yes or no",
      "7: the client has no topic",
      "8: has 7 fields, of 5 columns",
      "10: signs is otherwise than in line 9",
      "10: a topic has another validity here than in a row before",
      "11: valid_until is not after valid_from",
    ]);
    expect(JSON.stringify(problems)).not.toContain("canary");
  });

  test.each([
    ["", ["1: the file is empty: its first row names the columns"]],
    ["client,publish\n", ["1: there is no client below the columns' names"]],
    ["publish\na\n", ["1: there is no column client"]],
    [
      "client,topic,client\n",
      [
        "1: column 2 is none of client, publish, subscribe, valid_from, valid_until, signs",
        "1: client comes twice",
      ],
    ],
    ['client,publish\npi,a\npi-2,"b\n', ["3: a quote opens here and never closes"]],
  ])("%j is none", (text, expected) => {
    const { problems } = readEnrolList(text);
    expect(problems.map(({ line, what }) => `${line}: ${what}`)).toEqual(expected);
  });
});
