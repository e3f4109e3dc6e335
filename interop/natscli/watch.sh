#!/bin/sh
# Prints the events of the collector that runs as lines of JSON:
#
#     watch.sh [SUBJECT]
set -e
# The context of that name says where the collector listens, and which credential to use: that of an observer.
eventbus context >/dev/null
exec nats --context eventbus sub "${1:-events.>}" --raw --translate 'eventbus decode'
