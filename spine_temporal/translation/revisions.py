"""Revisions of the workflow code: a run that began under an older one does as it did then."""

#: Each signal to look for a resume counts by itself; a look for partitions that is made beside an older one has its own
#: id; a run that was reset does not wait for ever for what it stops.
SIGNALS_COUNT_ALONE = LOOKS_ARE_NUMBERED = STOPS_ARE_BOUNDED = 1
#: The verdicts of gates right before a pipeline ride in its request.
VERDICTS_RIDE = 2
#: Items of a map that take moments go together in one activity.
ITEMS_GO_TOGETHER = 3
#: A step that is cancelled while it is tried within the workflow task is not tried again; a part of a map begins at the
#: pace of the part before.
TRIES_HEED_CANCELLATION = PARTS_KEEP_PACE = 4
#: The items of a map that is left are shared out once for all groups that begin together.
GROUPS_ARE_EVEN = 5
#: The newest.
REVISION = 5
