"""Prints the events of a collector as lines of JSON:

    python3 watch.py URL SEED [SUBJECT]
"""

import asyncio
import json
import sys
import uuid
from datetime import datetime

import msgpack
import nats


def readable(value):
    """Gives a time, an identifier or other bytes the form that they have in JSON."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(uuid.UUID(bytes=value)) if len(value) == 16 else value.hex()


async def main(url, seed, subject="events.>"):
    errors = []

    async def on_error(error):
        errors.append(error)

    # Without allow_reconnect=False, nats-py tries a key that is refused again, for two minutes.
    nc = await nats.connect(url, nkeys_seed=seed, allow_reconnect=False, error_cb=on_error)
    subscription = await nc.subscribe(subject)
    for _ in range(2):  # nats-py lets the first ping overtake what was sent before it
        await nc.flush()  # now the server has answered, and a refusal has come in
    if errors:
        raise errors[0]
    print(f"watching {subject}", file=sys.stderr, flush=True)

    numbers = {}  # the last sequence number of each publisher on each topic
    async for message in subscription.messages:
        # timestamp=3 makes a datetime of a time: it has microseconds, the event nanoseconds.
        event = msgpack.unpackb(message.data, timestamp=3)
        print(json.dumps(event, default=readable, ensure_ascii=False), flush=True)

        if event["sequence"]:  # 0 is an event that nobody counts
            stream, number = (event["publisher"], event["topic"]), event["sequence"]
            missed = number - numbers.get(stream, number - 1) - 1
            if missed > 0:
                print(f"missed {missed} events on {event['topic']}", file=sys.stderr, flush=True)
            numbers[stream] = number
    raise ConnectionError("the connection is lost")


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        pass
    except Exception as error:
        sys.exit(f"watch.py: {error}")
