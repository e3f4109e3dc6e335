// Prints the events of a collector as lines of JSON:
//
//     node watch.mjs URL SEED [SUBJECT]

import { readFileSync } from "node:fs";
import { decode } from "@msgpack/msgpack";
import { nkeyAuthenticator } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";

// Gives an identifier, other bytes or a large number a form in JSON. A time is a Date, which has one.
function readable(key, value) {
  const bytes = this[key]; // value is what Buffer has already made of it
  if (bytes instanceof Uint8Array) {
    const hex = Buffer.from(bytes).toString("hex");
    return bytes.length === 16 ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-") : hex;
  }
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  }
  return value;
}

async function main(url, seed, subject = "events.>") {
  // The seed is read again for each connection: it may have been rotated.
  const nc = await connect({ servers: url, authenticator: nkeyAuthenticator(() => readFileSync(seed)) });
  const subscription = nc.subscribe(subject);
  await nc.flush(); // now the server has answered
  if (!subscription.isClosed()) console.error(`watching ${subject}`);

  const numbers = new Map(); // the last sequence number of each publisher on each topic
  // It throws if the subscription was refused.
  for await (const message of subscription) {
    // Without useBigInt64, numbers above 2^53 lose their last digits. A Date has milliseconds, the event's times have nanoseconds.
    const event = decode(message.data, { useBigInt64: true });
    console.log(JSON.stringify(event, readable));

    const number = Number(event.sequence); // 0 is an event that nobody counts
    if (number > 0) {
      const stream = `${Buffer.from(event.publisher).toString("hex")} ${event.topic}`;
      const missed = number - (numbers.get(stream) ?? number - 1) - 1;
      if (missed > 0) console.error(`missed ${missed} events on ${event.topic}`);
      numbers.set(stream, number);
    }
  }
  throw new Error("the connection is lost"); // after some attempts to have it back
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(`watch.mjs: ${error.message}`);
  process.exit(1);
});
