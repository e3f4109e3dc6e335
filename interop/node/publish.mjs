// Publishes an event about a network connection:
//
//     node publish.mjs URL SEED [TOPIC]

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { encode } from "@msgpack/msgpack";
import { nkeyAuthenticator } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";

const publisher = randomUUID(); // this run of this program; together with sequence it shows others what they miss

function connection() {
  const now = new Date();
  return {
    // The bus fills in id, topic and correlation. A key that is unknown is left out.
    time: now,
    source: "network-node", // the role's name, or that with a dash and more
    type: "network",
    publisher: Buffer.from(publisher.replaceAll("-", ""), "hex"),
    sequence: 1,
    metadata: { host: "büro-7 🖥" },
    payload: {
      connection_id: "c-1",
      protocol: "tcp",
      local_addr: "192.0.2.7:50812",
      remote_addr: "[2001:db8::1]:443",
      state: "established",
      bytes_sent: 2n ** 53n + 1n,
      timestamp: now,
      // Metadata is texts. What has parts of its own is a text too, as JSON.
      metadata: { tls: JSON.stringify({ version: "1.3", sni: ["例え.jp"] }) },
    },
  };
}

async function main(url, seed, topic = "events.network.connections") {
  const nc = await connect({ servers: url, authenticator: nkeyAuthenticator(() => readFileSync(seed)) });
  let refusal;
  (async () => {
    for await (const status of nc.status()) if (status.type === "error") refusal ??= status.error;
  })();
  // useBigInt64 is for numbers above 2^53.
  nc.publish(topic, encode(connection(), { useBigInt64: true }));
  await nc.flush(); // now the server has taken it, or its refusal has come in
  await nc.close();
  if (refusal) throw refusal;
  console.log(JSON.stringify({ published: topic, publisher }));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(`publish.mjs: ${error.message}`);
  process.exit(1);
});
