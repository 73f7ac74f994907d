import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { HttpClient, type HttpOptions } from "../../../../core/ports/http/client.ts";
import { testCertificate } from "../../../support/certificate/certificate.ts";

const answerSchema = z.object({ n: z.int() });

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}

function client(options: HttpOptions): HttpClient {
  const made = new HttpClient(options);
  onTestFinished(() => made.stop());
  return made;
}

/** A client of a server that answers as `handle` does. */
async function clientOf(handle: RequestListener, rest: Partial<HttpOptions> = {}) {
  const port = await listen(createServer(handle));
  return client({ baseUrl: `http://127.0.0.1:${port}`, ...rest });
}

function answer(status: number, body: string): RequestListener {
  return (_, response) => response.writeHead(status).end(body);
}

describe("a call", () => {
  test("carries JSON and the login, and brings JSON", async () => {
    const seen: unknown[] = [];
    const http = await clientOf(
      async (request, response) => {
        let body = "";
        for await (const part of request) body += part;
        const { method, url, headers } = request;
        seen.push({
          method,
          url,
          body,
          type: headers["content-type"],
          auth: headers.authorization,
        });
        response.end('{"n":7}');
      },
      { login: { user: "pi-01@acme", password: "secret" } },
    );
    expect(await http.post("/v1/x", { a: "ä" }, answerSchema)).toEqual({ n: 7 });
    expect(await http.get("/v1/y?z", answerSchema)).toEqual({ n: 7 });
    const auth = `Basic ${Buffer.from("pi-01@acme:secret").toString("base64")}`;
    expect(seen).toEqual([
      { method: "POST", url: "/v1/x", body: '{"a":"ä"}', type: "application/json", auth },
      { method: "GET", url: "/v1/y?z", body: "", type: undefined, auth },
    ]);
  });

  test("over TLS trusts the given CA alone", async () => {
    const { ca, cert, key } = await testCertificate();
    const port = await listen(createSecureServer({ cert, key }, answer(200, '{"n":1}')));
    const baseUrl = `https://127.0.0.1:${port}`;
    expect(await client({ baseUrl, ca }).get("/", answerSchema)).toEqual({ n: 1 });
    await expect(client({ baseUrl }).get("/", answerSchema)).rejects.toMatchObject({
      code: "AUTH",
    });
    // A credential without an authority: whoever Node.js trusts could ask for the secret.
    const login = { user: "pi-01@acme", password: "secret" };
    await expect(client({ baseUrl, login }).get("/", answerSchema)).rejects.toMatchObject({
      code: "BAD_CREDENTIAL",
    });
    expect(await client({ baseUrl, ca, login }).get("/", answerSchema)).toEqual({ n: 1 });
    await expect(client({ baseUrl, ca: cert }).get("/", answerSchema)).rejects.toMatchObject({
      code: "AUTH",
    });
  });
});

describe("an answer that is an error", () => {
  test.each([
    [403, '{"code":"REVOKED","message":"revoked"}', "REVOKED", "the bridge answered 403: revoked"],
    [404, '{"message":"Topic not found"}', "NOT_FOUND", "the bridge answered 404: Topic not found"],
    [400, '{"code":"NOT_OURS","message":"no"}', "BAD_ARGUMENT", "the bridge answered 400: no"],
    [401, "", "AUTH", "the bridge answered 401"],
    [413, "<html>", "TOO_LARGE", "the bridge answered 413"],
    [503, '{"message":"a\\u001b[2Jb"}', "UNAVAILABLE", "the bridge answered 503: a [2Jb"],
    [302, "", "INTERNAL", "the bridge answered 302"],
  ])("%i %s is %s", async (status, body, code, message) => {
    const http = await clientOf(answer(status, body));
    const error: unknown = await http.get("/", answerSchema).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code, message });
  });

  test("tells a hint, and for a code of a newer bridge whether to ask again", async () => {
    const body = {
      code: "NEW_CODE",
      message: "not now",
      retryable: true,
      hint: "wait\u0007 a bit",
    };
    const http = await clientOf(answer(400, JSON.stringify(body)));
    await expect(http.get("/", answerSchema)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      retryable: true,
      hint: "wait  a bit",
    });
  });
});

describe("an answer that is none", () => {
  test("not JSON, or other JSON", async () => {
    for (const body of ["", "hello", '{"n":"7"}']) {
      const http = await clientOf(answer(200, body));
      await expect(http.get("/", answerSchema)).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
    }
  });

  test("longer than allowed, said or streamed", async () => {
    const long = JSON.stringify({ n: 1, pad: "x".repeat(4_000) });
    for (const chunked of [false, true]) {
      const http = await clientOf(
        (_, response) => {
          if (!chunked) response.setHeader("content-length", long.length);
          response.end(long);
        },
        { maxResponseBytes: 1_000 },
      );
      await expect(http.get("/", answerSchema)).rejects.toMatchObject({ code: "TOO_LARGE" });
    }
  });

  test.each([
    ["no word", () => undefined],
    ["a head alone", (_, response) => response.writeHead(200).flushHeaders()],
    [
      "a byte now and then",
      (_, response) => {
        const drip = setInterval(() => response.write(" "), 20);
        response.on("close", () => clearInterval(drip));
      },
    ],
  ] satisfies [string, RequestListener][])("late: %s", async (_, handle) => {
    const http = await clientOf(handle, { deadlineMs: 150 });
    const error: unknown = await http.get("/", answerSchema).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "TIMEOUT" });
  });

  test("cut off", async () => {
    const http = await clientOf((request) => request.socket.destroy());
    await expect(http.get("/", answerSchema)).rejects.toMatchObject({ code: "DISCONNECTED" });
  });

  test("from nobody", async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    for (const host of ["127.0.0.1", "localhost"])
      await expect(
        client({ baseUrl: `http://${host}:${port}` }).get("/", answerSchema),
      ).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });
});

describe("stop", () => {
  test("ends a call under way, and all later ones", async () => {
    const http = await clientOf(() => void http.stop());
    await expect(http.get("/", answerSchema)).rejects.toMatchObject({ code: "STOPPED" });
    await expect(http.get("/", answerSchema)).rejects.toMatchObject({ code: "STOPPED" });
  });
});

test.each([
  "http://bridge:8080",
  "http://10.0.0.1",
  "http://127.evil.example",
  "ftp://127.0.0.1",
  "https://bridge/path",
  "https://user:password@bridge",
  "bridge:8443",
])("the address %s is refused before anything is sent", async (baseUrl) => {
  await expect(client({ baseUrl }).get("/", answerSchema)).rejects.toMatchObject({
    code: "CONFIG",
  });
});
