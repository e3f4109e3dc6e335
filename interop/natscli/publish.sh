#!/bin/sh
# Publishes an event about a network connection:
#
#     publish.sh [TOPIC] [ROLE]
set -e
role=${2:-network}
event=$(mktemp)
trap 'rm -f "$event"' EXIT
python3 "$(dirname "$0")/event.py" >"$event" # not through a pipe: if it fails, nothing is published
eventbus context "$role" --role "$role" >/dev/null
# Without --no-templates, nats would look for {{ in the bytes of the event.
nats --context "$role" pub "${1:-events.network.connections}" --force-stdin --no-templates <"$event"
