#!/bin/sh
# Make the namespace `default` where it is not there yet: safe to run again. TEMPORAL_ADDRESS says where.
# The server listens a little before it answers, so this waits for it; compose starts it again where that is not enough.
set -eu

attempts=60
until temporal operator cluster health >/dev/null 2>&1; do
  attempts=$((attempts - 1))
  if [ "$attempts" -eq 0 ]; then
    echo "Temporal does not answer at $TEMPORAL_ADDRESS" >&2
    exit 1
  fi
  sleep 2
done
temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention "${TEMPORAL_RETENTION:-30d}"
