"""Writes an event about a network connection to standard output, as MessagePack."""

import json
import sys
from datetime import datetime, timezone

import msgpack

now = datetime.now(timezone.utc)
event = {
    # The bus fills in id, time, topic and correlation. Without publisher and sequence, nobody misses the event if it is lost.
    "source": "network-cli",  # the role's name, or that with a dash and more
    "type": "network",
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
sys.stdout.buffer.write(msgpack.packb(event, datetime=True))
