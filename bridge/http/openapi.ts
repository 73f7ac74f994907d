/** `GET /v1/openapi.json`: OpenAPI 3.1, generated from the very schemas that requests are held against. */
import { z } from "zod";
import { bundleSchema } from "../../core/wire/directory.ts";
import { mailNumberField } from "../../core/wire/fields.ts";
import {
  brokersResponseSchema,
  errorResponseSchema,
  importResponseSchema,
  keysRequestSchema,
  keysResponseSchema,
  mailResponseSchema,
  matchRequestSchema,
  matchResponseSchema,
  statusResponseSchema,
} from "../../core/wire/http.ts";

interface Operation {
  readonly method: "get" | "post" | "delete";
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  /** Whether a client's login is asked for. */
  readonly login: boolean;
  readonly request?: z.ZodType;
  /** Without one: 204. */
  readonly response?: z.ZodType;
  /** Of the path. */
  readonly parameters?: Readonly<Record<string, z.ZodType>>;
  /** What else can come back. */
  readonly errors: Readonly<Record<number, string>>;
}

const NOT_NOW =
  "the bridge cannot answer now: its directory is too old, or Kafka or ZooKeeper is away";
const LOGIN_ERRORS = {
  401: "unknown client, or a wrong secret",
  403: "the client is revoked",
  429: "too many requests",
};

const OPERATIONS: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/match",
    summary: "From a trapdoor to the Kafka topic",
    description: "A topic that does not exist and one that is not granted read the same.",
    login: true,
    request: matchRequestSchema,
    response: matchResponseSchema,
    errors: {
      400: "a malformed request or trapdoor, or an epoch that is not in force",
      404: "Topic not found",
      503: NOT_NOW,
    },
  },
  {
    method: "post",
    path: "/v1/keys",
    summary: "Announcements of data keys, each with its V for this consumer",
    login: true,
    request: keysRequestSchema,
    response: keysResponseSchema,
    errors: { 400: "a malformed request", 404: "Topic not found", 503: NOT_NOW },
  },
  {
    method: "get",
    path: "/v1/mail",
    summary: "The client's own mail, the oldest first",
    description: "Each is a signed document: an age file to the client, with the keys of an epoch.",
    login: true,
    response: mailResponseSchema,
    errors: { 503: NOT_NOW },
  },
  {
    method: "delete",
    path: "/v1/mail/{number}",
    summary: "The mail is stored, or will never be taken: it and every older one go",
    login: true,
    parameters: { number: mailNumberField },
    errors: { 400: "no mail has this number", 503: NOT_NOW },
  },
  {
    method: "get",
    path: "/v1/brokers",
    summary: "The Kafka brokers that are registered now",
    login: true,
    response: brokersResponseSchema,
    errors: { 503: NOT_NOW },
  },
  {
    method: "get",
    path: "/v1/status",
    summary: "The state of the hops",
    login: true,
    response: statusResponseSchema,
    errors: {},
  },
  {
    method: "post",
    path: "/v1/import",
    summary: "Takes signed documents in",
    description:
      "Without login: the KMS's signature on each document is the authority. All or none.",
    login: false,
    request: bundleSchema,
    response: importResponseSchema,
    errors: {
      400: "a document is not signed for its place, or malformed; all problems at once",
      409: "a document is older than one that was accepted before",
      413: "more than 32 MiB",
      429: "another import is running, or too many were refused",
      503: NOT_NOW,
    },
  },
  {
    method: "get",
    path: "/v1/openapi.json",
    summary: "This description",
    login: false,
    response: z.looseObject({ openapi: z.string() }),
    errors: {},
  },
];

/** The description, as a value for JSON. */
export function describeApi(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS)
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describe(operation) };
  return {
    openapi: "3.1.0",
    info: {
      title: "VeilMQ bridge",
      version,
      description:
        "Bytes are b64url without padding (RFC 4648 §5); times are milliseconds since 1970.",
    },
    paths,
    components: {
      schemas: { Error: schemaOf(errorResponseSchema) },
      securitySchemes: {
        client: {
          type: "http",
          scheme: "basic",
          description: "<clientId>@<tenant>, and the b64url of the 32-byte secret",
        },
      },
    },
  };
}

function describe(operation: Operation): object {
  const { summary, description, login, parameters, request, response, errors } = operation;
  const refusals = Object.entries({ ...(login ? LOGIN_ERRORS : {}), ...errors });
  return {
    summary,
    ...(description ? { description } : {}),
    security: login ? [{ client: [] }] : [],
    ...(parameters ? { parameters: Object.entries(parameters).map(inPath) } : {}),
    ...(request ? { requestBody: { required: true, content: json(schemaOf(request)) } } : {}),
    responses: {
      ...(response
        ? { 200: { description: "OK", content: json(schemaOf(response)) } }
        : { 204: { description: "Done" } }),
      ...Object.fromEntries(
        refusals.map(([status, text]) => [
          status,
          { description: text, content: json({ $ref: "#/components/schemas/Error" }) },
        ]),
      ),
    },
  };
}

function inPath([name, schema]: [string, z.ZodType]): object {
  return { name, in: "path", required: true, schema: schemaOf(schema) };
}

function json(schema: object): object {
  return { "application/json": { schema } };
}

/** What travels is what goes into a schema: b64url text, not the bytes that come out of it. */
function schemaOf(schema: z.ZodType): object {
  const { $schema: _, ...described } = z.toJSONSchema(schema, { io: "input" });
  return described;
}
