import { connect, type ChannelModel } from "amqplib";

const CONNECT_MS = 10_000;
/** Two of them missed, and a connection counts as lost. */
const HEARTBEAT_SECONDS = 15;

/** @param name shown in the broker's list of connections */
export async function connectBroker(url: string, name: string): Promise<ChannelModel> {
  const address = new URL(url);
  if (!address.searchParams.has("heartbeat"))
    address.searchParams.set("heartbeat", String(HEARTBEAT_SECONDS));
  return await connect(address.href, {
    timeout: CONNECT_MS,
    keepAlive: true,
    clientProperties: { connection_name: name },
  });
}
