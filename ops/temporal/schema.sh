#!/bin/sh
# Make Temporal's two databases and bring their schemas to the version of this image: safe to run again.
# The connection is in the SQL_* variables.
set -eu

case "$SQL_PASSWORD" in
*" "*)
  echo "SPINE_POSTGRES_PASSWORD has a space, which Temporal cannot use in its connection: choose one without" >&2
  exit 1
  ;;
esac

prepare() {
  temporal-sql-tool --db "$1" create
  temporal-sql-tool --db "$1" setup-schema -v 0.0
  temporal-sql-tool --db "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
