# Runs a command with its temporary files in memory, where there is enough and programs may be there. Servers of tests
# make files and delete them by the thousand, and a disk's file system looks long for a place where many were deleted.
free=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)
if [ "${free:-0}" -lt 8000000 ] || grep -q "^[^ ]* /dev/shm .*noexec" /proc/mounts; then
    exec "$@"
fi
folder=$(mktemp -d /dev/shm/spine-XXXXXX) && chmod 1777 "$folder" || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
TMPDIR=$folder "$@"
