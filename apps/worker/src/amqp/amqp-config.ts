import { z } from "zod";
import { secretSource } from "../config/secret-source.ts";

/** How RabbitMQ is reached, and what is declared there. */
export const amqpConfig = z.strictObject({
  url: secretSource,
});
