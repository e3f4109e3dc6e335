"""Publishes an event about a network connection:

    python3 publish.py URL SEED [TOPIC]
"""

import asyncio
import json
import sys
import uuid
from datetime import datetime, timezone

import msgpack
import nats

publisher = uuid.uuid4()  # this run of this program; together with sequence it shows others what they miss


def connection():
    now = datetime.now(timezone.utc)  # a time needs its zone
    return {
        # The bus fills in id, topic and correlation. A key that is unknown is left out.
        "time": now,
        "source": "network-python",  # the role's name, or that with a dash and more
        "type": "network",
        "publisher": publisher.bytes,
        "sequence": 1,
        "metadata": {"host": "büro-7 🖥"},
        "payload": {
            "connection_id": "c-1",
            "protocol": "tcp",
            "local_addr": "192.0.2.7:50812",
            "remote_addr": "[2001:db8::1]:443",
            "state": "established",
            "bytes_sent": 2**53 + 1,
            "timestamp": now,
            # Metadata is texts. What has parts of its own is a text too, as JSON.
            "metadata": {"tls": json.dumps({"version": "1.3", "sni": ["例え.jp"]}, ensure_ascii=False)},
        },
    }


async def main(url, seed, topic="events.network.connections"):
    errors = []

    async def on_error(error):
        errors.append(error)

    nc = await nats.connect(url, nkeys_seed=seed, allow_reconnect=False, error_cb=on_error)
    # datetime=True writes a datetime as MessagePack's own timestamp.
    await nc.publish(topic, msgpack.packb(connection(), datetime=True))
    for _ in range(2):  # nats-py lets the first ping overtake what was sent before it
        await nc.flush()  # now the server has taken it, or its refusal has come in
    await nc.close()
    if errors:
        raise errors[0]
    print(json.dumps({"published": topic, "publisher": str(publisher)}))


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except Exception as error:
        sys.exit(f"publish.py: {error}")
