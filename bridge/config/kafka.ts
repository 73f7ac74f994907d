/** The `kafka` section: where the brokers are found, and how they are spoken to. */
import { z } from "zod";
import { parseAddress } from "../../core/ports/kafka/client.ts";
import { checkKafkaSecurity, kafkaSecurityFields } from "../../core/ports/kafka/security.ts";
import { MAX_REPLICAS } from "../store/replication.ts";

const brokerField = z.string().superRefine((address, context) => {
  try {
    parseAddress(address);
  } catch {
    context.addIssue({ code: "custom", message: "must be host:port, for example kafka1:9092" });
  }
});

export const kafkaSchema = z
  .strictObject({
    /** Addresses to find the cluster by: for KRaft, which registers nothing in ZooKeeper. */
    brokers: z.array(brokerField).min(1).optional(),
    /** From ZooKeeper: the brokers' listener by its name; without it, the first that speaks as `tls` and `sasl` say. */
    listener: z.string().min(1).optional(),
    /** From ZooKeeper: where Kafka has its nodes (the path at the end of its `zookeeper.connect`). */
    root: z
      .string()
      .regex(/^(\/[^/]+)+$/, "must be a path such as /kafka")
      .optional(),
    /** On how many brokers each topic is. Without it, on as many as were ever seen up, at most three. */
    replication: z.int().min(1).max(MAX_REPLICAS).optional(),
    ...kafkaSecurityFields,
  })
  .superRefine((kafka, context) => {
    checkKafkaSecurity(kafka, context);
    for (const field of ["listener", "root"] as const)
      if (kafka.brokers && kafka[field] !== undefined)
        context.addIssue({
          code: "custom",
          path: [field],
          message: "is for brokers found in ZooKeeper: leave it out beside brokers",
        });
  });
export type KafkaConfig = z.output<typeof kafkaSchema>;
