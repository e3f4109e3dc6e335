#!/bin/sh
# Publishes an event about a network connection:
#
#     publish.sh [TOPIC] [ROLE]
set -e
role=${2:-network}
eventbus context "$role" --role "$role" >/dev/null
# Without --no-templates, nats would look for {{ in the bytes of the event.
python3 "$(dirname "$0")/event.py" |
	nats --context "$role" pub "${1:-events.network.connections}" --force-stdin --no-templates
