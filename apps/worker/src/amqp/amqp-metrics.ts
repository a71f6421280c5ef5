import { Counter, Gauge, type Registry } from "prom-client";
import { countFromZero } from "../metrics/metrics.ts";

export function amqpMetrics(registry: Registry) {
  const registers = [registry];
  const messages = new Counter({
    name: "headstart_worker_amqp_messages_total",
    help: "Messages taken, by outcome: recorded, repeated, again, or invalid, which were dead-lettered.",
    labelNames: ["outcome"],
    registers,
  });
  countFromZero(messages, "outcome", ["recorded", "repeated", "again", "invalid"]);
  return {
    connected: new Gauge({
      name: "headstart_worker_amqp_connected",
      help: "1 while messages are taken and published.",
      registers,
    }),
    messages,
    published: new Counter({
      name: "headstart_worker_amqp_published_total",
      help: "Events that the broker confirmed.",
      registers,
    }),
  };
}
export type AmqpMetrics = ReturnType<typeof amqpMetrics>;
