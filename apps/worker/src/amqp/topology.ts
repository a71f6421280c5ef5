import type { Channel } from "amqplib";
import type { AmqpConfig } from "./amqp-config.ts";

/** How often the broker hands out a message again that nobody answered for, before it lays it aside. */
const DELIVERY_LIMIT = 100;

/** Messages that are laid aside at most; then the oldest go. */
const MOST_DEAD = 10_000;

export const deadName = (queue: string): string => `${queue}.dead`;

/**
 * Declares what the worker uses, all of it durable and replicated; whoever comes second finds it there. A queue that
 * is there with other arguments is refused by the broker (406), and has to be removed or named differently.
 *
 * https://www.rabbitmq.com/docs/quorum-queues#dead-lettering
 */
export async function declareTopology(channel: Channel, { exchange, queue }: AmqpConfig): Promise<void> {
  const dead = deadName(queue);
  await channel.assertExchange(exchange, "topic", { durable: true });
  await channel.assertExchange(dead, "fanout", { durable: true });
  await channel.assertQueue(dead, {
    durable: true,
    arguments: { "x-queue-type": "quorum", "x-max-length": MOST_DEAD },
  });
  await channel.bindQueue(dead, dead, "");
  await channel.assertQueue(queue, {
    durable: true,
    arguments: {
      "x-queue-type": "quorum",
      "x-delivery-limit": DELIVERY_LIMIT,
      "x-dead-letter-exchange": dead,
      "x-dead-letter-strategy": "at-least-once",
      "x-overflow": "reject-publish",
    },
  });
  await channel.bindQueue(queue, exchange, "repository-branch-updated");
}
