#!/bin/sh
# Prints the events of the collector that runs as lines of JSON:
#
#     watch.sh [SUBJECT]
set -e
eventbus context # writes the context of that name: where the collector listens, and the credential of an observer
exec nats --context eventbus sub "${1:-events.>}" --raw --translate 'eventbus decode'
