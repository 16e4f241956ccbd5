"""What keeps the protocol from doing harm; a test takes each guard away and must be caught."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guards:
    """One flag for each guard of the real code, with the function that has it."""

    #: A second attempt waits for the first one's turn, or ends it (``open_execution``).
    lock: bool = True
    #: What the ledger has as COMPLETED is not done again (``open_execution``).
    ledger: bool = True
    #: A transaction requires its run's epoch (``Fence.lost``).
    epoch: bool = True
    #: A transaction requires its run's row to be running, and a run that has ended does not begin (``Fence.lost``,
    #: ``run_opener._claimed``).
    running: bool = True
    #: Only of a partition that nobody has ever claimed, nothing is looked for (``run_opener._claimed``).
    looks: bool = True
    #: What Temporal has given up commits nothing (``require_time``).
    late: bool = True
    #: What an earlier run of the lineage has done is kept (``Attempt._kept``).
    lineage: bool = True
    #: What was sent back is never done again under its id (``Attempt._opened``).
    superseded: bool = True
    #: A take-over starts from the epoch that was seen before Temporal was asked (``take_over``).
    seen: bool = True
    #: Only the reset run that is open takes over (``TemporalRuns.is_working``).
    working: bool = True
    #: A run is resumed by one at a time (``request_resume``).
    request: bool = True
    #: A request to resume that nobody takes up expires (``request_resume``).
    expires: bool = True
    #: A reset is for the request that its reason names (``Resets.request_of``).
    reason: bool = True
    #: A run stands as the one that goes on for it in its chain of resets (``TemporalRuns.of``).
    chain: bool = True
    #: A paused run is open (``temporal_runs._OPEN``).
    paused: bool = True
    #: A run of another Temporal is open, as nobody here knows better (``TemporalRuns.of``).
    place: bool = True
    #: A database that has fewer completed executions than history was restored (``Fence.lost``).
    acknowledged: bool = True
    #: A database that has a decision's outputs still as they were was restored (``Fence.lost``).
    sent_back: bool = True
    #: A database that does not know a sub-workflow's end was restored (``Fence.lost``).
    children: bool = True
    #: A database that does not know what a reset run has taken from another was restored (``Fence.lost``).
    kept: bool = True
    #: An epoch is never below the clock, so that a restored database gives none again (``_NEXT_EPOCH``).
    clock: bool = True
    #: An epoch is above the last one, wherever the clock has jumped to (``_NEXT_EPOCH``).
    grows: bool = True
    #: One decision of a held gate is accepted (``decision_of``).
    decision: bool = True
    #: A run that is cancelled as its last step completes has ended (``Driver._cancelled``).
    finished: bool = True
    #: A cancel is heard when the run has begun, as a task that was lost may have done all of it (``_begin``).
    heard: bool = True
    #: A run whose end is recorded ends so, whatever it wants by now, also where its last pipeline has recorded it and
    #: the answer was lost (``begin_end``, ``RunOpener._claim``).
    recorded: bool = True
    #: An execution whose end is recorded takes its partition no more (``reopen_run``).
    stands: bool = True
    #: A run's row says which execution has ended it, also one that did not take the partition again (``close_run``).
    whose: bool = True
    #: A run that was reset looks for what its lineage has done, also where it is the first one (``Attempt._kept``).
    reset_lineage: bool = True
    #: A gate that has failed keeps the pipeline behind it from running (``pipeline_activity._refused``).
    door: bool = True
    #: Where the fence is lost, the last pipeline of a run does not end it (``Attempt._complete``).
    fenced_end: bool = True
    #: What Temporal has given up leaves the end of its run to others (``Attempt._ended``).
    late_end: bool = True
    #: A run that may write nothing any more ends as it has recorded already (``Driver._found_end``, ``claims.fenced``).
    found: bool = True
    #: What was stored since an open run began is not pruned (``prune_payloads``).
    prune_open: bool = True
    #: Nor what was stored since one began that Temporal may still have (``prune_payloads``).
    prune_ended: bool = True
    #: Nor what was stored since those of its lineage began (``prune_payloads``).
    prune_lineage: bool = True
    #: Nor what was stored since those of its chain of resets began (``prune_payloads``).
    prune_chain: bool = True
    #: Postgres ends a transaction that has frozen between its last statement and its commit.
    idle: bool = True


ALL = Guards()
