"""The core tables. The migrations make them; a test keeps both equal."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import BIGINT, JSONB

metadata = MetaData(naming_convention={"pk": "%(table_name)s_pkey", "ix": "%(table_name)s_%(column_0_N_name)s"})

_TIME = DateTime(timezone=True)
_EMPTY = text("'{}'::jsonb")

#: How far each partition has come: one row per stage reached.
core_manifest = Table(
    "core_manifest",
    metadata,
    Column("domain", Text, nullable=False),
    Column("partition_key", JSONB, nullable=False),
    Column("stage", Text, nullable=False),
    Column("stage_rank", Integer, nullable=False),
    Column("row_count", BIGINT),
    Column("metrics", JSONB, nullable=False, server_default=_EMPTY),
    Column("execution_id", Text),
    Column("batch_id", Text),
    Column("updated_at", _TIME, nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("domain", "partition_key", "stage"),
    #: The lists show what is newest, however many rows there are.
    Index(None, "updated_at"),
)

#: What went wrong, or was worth a person's look.
core_anomalies = Table(
    "core_anomalies",
    metadata,
    Column("anomaly_id", Uuid, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("partition_key", JSONB, nullable=False),
    Column("severity", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("detected_at", _TIME, nullable=False, server_default=func.now()),
    Column("metadata", JSONB, nullable=False, server_default=_EMPTY),
    Column("resolved_at", _TIME),
    Column("resolution", Text),
    #: Which fault this is, whichever run meets it; None: each row is a fault of its own.
    Column("fault_id", Uuid),
    #: Runs that met the fault while it was open.
    Column("occurrences", Integer, nullable=False, server_default=text("1")),
    Column("last_seen_at", _TIME, nullable=False, server_default=func.now()),
    Column("acknowledged_at", _TIME),
    Column("acknowledged_by", Text),
    #: A person, or the id of the run that completed the partition.
    Column("resolved_by", Text),
    Index(None, "domain", "partition_key"),
    Index(None, "detected_at"),
    Index(None, "fault_id"),
    Index(None, "last_seen_at"),
    Index("core_anomalies_open", "last_seen_at", postgresql_where=text("resolved_at IS NULL")),
    Index("core_anomalies_open_fault", "fault_id", unique=True, postgresql_where=text("resolved_at IS NULL")),
)

#: The ledger: one row per pipeline execution, the same for all of its attempts.
core_executions = Table(
    "core_executions",
    metadata,
    Column("execution_id", Uuid, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("pipeline", Text, nullable=False),
    Column("params", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    #: Attempts that the pipeline itself ended; one lost with its worker is not counted here.
    Column("attempt", Integer, nullable=False),
    Column("started_at", _TIME, nullable=False),
    Column("completed_at", _TIME),
    Column("row_count", BIGINT),
    Column("output", JSONB),
    Column("error", Text),
    #: The user's frames of the last failure.
    Column("traceback", Text),
    #: Attempts that were lost with their workers.
    Column("lost", Integer, nullable=False, server_default=text("0")),
    #: The partition's epoch under which it was done.
    Column("epoch", BIGINT, nullable=False, server_default=text("0")),
    #: How many times a person had sent the run back to the step.
    Column("round", Integer, nullable=False, server_default=text("0")),
    Index("core_executions_run_id_step", "run_id", "step"),
)

#: Who works on a partition now, and its epoch, which only grows.
core_partitions = Table(
    "core_partitions",
    metadata,
    Column("domain", Text, nullable=False),
    Column("partition_key", JSONB, nullable=False),
    Column("workflow_id", Text, nullable=False),
    #: The run that holds it; NULL: nobody.
    Column("run_id", Text),
    Column("claimed_at", _TIME, nullable=False, server_default=func.now()),
    #: The Temporal run that works for the holder: another one after a reset.
    Column("execution_run_id", Text),
    Column("epoch", BIGINT, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("domain", "partition_key"),
)

#: Runs that wait for a partition which another run holds, in the order in which they came.
core_queue = Table(
    "core_queue",
    metadata,
    Column("position", BIGINT, Identity(always=True), primary_key=True),
    Column("domain", Text, nullable=False),
    Column("partition_key", JSONB, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("workflow_id", Text, nullable=False),
    #: The first run of its chain of resets, and which Temporal has it.
    Column("first_run_id", Text, nullable=False),
    Column("temporal", Text, nullable=False),
    #: An ``OnBusy``.
    Column("on_busy", Text, nullable=False),
    #: For whom it waits, in words.
    Column("waits_for", Text, nullable=False),
    Column("queued_at", _TIME, nullable=False, server_default=func.now()),
    #: When it promised to ask again; one that has not is passed over.
    Column("asks_again_at", _TIME, nullable=False),
    #: The newer run in whose favour it ends when it asks.
    Column("superseded_by", Text),
    Index(None, "run_id", unique=True),
    Index(None, "domain", "partition_key"),
)

#: Limits by key: of what their steps say, when the next attempt may begin, and whether the source is closed.
core_limits = Table(
    "core_limits",
    metadata,
    Column("key", Text, primary_key=True),
    #: As the last attempt that asked gave them; NULL: no bound.
    Column("concurrency", Integer),
    Column("per_second", Float),
    Column("next_at", _TIME),
    Column("closed_until", _TIME),
    #: NULL: the source itself.
    Column("closed_by", Text),
    Column("closed_reason", Text),
    Column("asked_at", _TIME, nullable=False, server_default=func.now()),
)

#: Who uses the source of a limit, or waits for it: one row per execution, the same for all of its attempts.
core_leases = Table(
    "core_leases",
    metadata,
    Column("key", Text, nullable=False),
    Column("execution_id", Uuid, nullable=False),
    Column("run_id", Text, nullable=False),
    #: When it may begin; NULL: it waits for a place.
    Column("starts_at", _TIME),
    #: After which it counts no more, whatever has become of its worker.
    Column("expires_at", _TIME, nullable=False),
    PrimaryKeyConstraint("key", "execution_id"),
)

#: Rows that a pipeline refused.
core_rejects = Table(
    "core_rejects",
    metadata,
    Column("reject_id", BIGINT, Identity(always=True), primary_key=True),
    Column("domain", Text, nullable=False),
    Column("partition_key", JSONB, nullable=False),
    Column("stage", Text, nullable=False),
    Column("execution_id", Text),
    Column("reason_code", Text, nullable=False),
    Column("detail", Text),
    Column("raw_text", Text),
    Column("rejected_at", _TIME, nullable=False, server_default=func.now()),
    Column("batch_id", Text),
    #: Where the row came from.
    Column("source_locator", Text),
    Column("line_number", BIGINT),
    #: The same each time that its execution writes it.
    Column("reject_key", Uuid),
    Index(None, "domain", "partition_key"),
    Index(None, "execution_id", "reject_key", unique=True),
)

#: What gates and pipelines measured of their data: one row per measure of a step.
core_quality = Table(
    "core_quality",
    metadata,
    Column("run_id", Text, nullable=False),
    Column("step", Text, nullable=False),
    #: How many times a person had sent the run back to the step.
    Column("round", Integer, nullable=False),
    Column("check_name", Text, nullable=False),
    Column("value", Float),
    Column("threshold", Float),
    #: NULL: measured, and held against nothing.
    Column("passed", Boolean),
    Column("measured_at", _TIME, nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("run_id", "step", "round", "check_name"),
    Index(None, "measured_at"),
)

#: One row per run: what it was given, the plan that it keeps, what it came to. Outlives Temporal's retention.
core_runs = Table(
    "core_runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("workflow_id", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("partition_key", JSONB, nullable=False),
    Column("params", JSONB, nullable=False),
    Column("plan", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", _TIME, nullable=False),
    Column("completed_at", _TIME),
    Column("result", JSONB),
    #: Which Temporal runs it: cluster id and namespace.
    Column("temporal", Text),
    #: The run whose completed steps this one keeps.
    Column("resumed_from", Text),
    #: What a person changed for this run: params, config and skipped steps, each with its difference.
    Column("correction", JSONB),
    #: How a person wants a run to go on from this one: who, until when, and which run has taken it up.
    Column("resume_request", JSONB),
    #: The first of the runs that go on from each other.
    Column("lineage_id", Text, nullable=False, server_default=text("''::text")),
    #: The first Temporal run of its chain of resets, and the one that works on it now.
    Column("first_run_id", Text),
    Column("execution_run_id", Text),
    #: The partition's epoch when the run took it.
    Column("epoch", BIGINT, nullable=False, server_default=text("0")),
    #: By step: what its pipeline's inputs were, where the pipeline names them.
    Column("fingerprints", JSONB),
    #: Where it asks for workers, which outlives what Temporal knows of it.
    Column("task_queue", Text),
    #: Ids of the runs that it relied on: its sub-workflows' runs, and those that a step waited for.
    Column("parents", JSONB),
    Index(None, "workflow_id"),
    Index(None, "domain", "partition_key"),
    Index(None, "lineage_id"),
    #: Lists show the newest, however many there are.
    Index(None, "started_at"),
    Index("core_runs_running", "started_at", postgresql_where=text("status = 'RUNNING'::text")),
)

#: What runs have logged: the newest lines of each, for a while.
core_logs = Table(
    "core_logs",
    metadata,
    Column("log_id", BIGINT, Identity(always=True), primary_key=True),
    Column("run_id", Text, nullable=False),
    #: Empty: the run itself.
    Column("step", Text, nullable=False),
    Column("attempt", Integer),
    Column("logged_at", _TIME, nullable=False),
    Column("level", Text, nullable=False),
    Column("logger", Text, nullable=False),
    Column("message", Text, nullable=False),
    #: The trace that it was logged in; empty: none.
    Column("trace_id", Text, nullable=False),
    Index(None, "run_id", "log_id"),
    Index(None, "logged_at"),
)

#: Payloads that are too large for Temporal's histories, by the digest of their content.
core_payloads = Table(
    "core_payloads",
    metadata,
    Column("payload_id", Text, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("stored_at", _TIME, nullable=False, server_default=func.now()),
    Index(None, "stored_at"),
)

#: What an operator did to a run from outside: who, why, and what it came to.
core_audit = Table(
    "core_audit",
    metadata,
    Column("audit_id", BIGINT, Identity(always=True), primary_key=True),
    Column("at", _TIME, nullable=False, server_default=func.now()),
    Column("action", Text, nullable=False),
    Column("workflow_id", Text, nullable=False),
    Column("run_id", Text),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("details", JSONB, nullable=False, server_default=_EMPTY),
    Index(None, "workflow_id"),
)

#: What people are to be told, written with what it tells of. Workers deliver it.
core_outbox = Table(
    "core_outbox",
    metadata,
    #: The same for the same kind and key, so that nothing is enqueued twice.
    Column("notification_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    #: What is told together: kind, workflow, step, category and severity.
    Column("cause", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("partition_key", JSONB, nullable=False),
    Column("severity", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("step", Text),
    Column("run_id", Text),
    Column("workflow_id", Text),
    Column("anomaly_id", Uuid),
    Column("details", JSONB, nullable=False, server_default=_EMPTY),
    Column("created_at", _TIME, nullable=False, server_default=func.now()),
    #: When its deliveries were written; NULL: nobody has looked where it goes.
    Column("routed_at", _TIME),
    Index(None, "anomaly_id"),
    Index(None, "cause", "routed_at"),
    Index(None, "created_at"),
    Index("core_outbox_waiting", "created_at", postgresql_where=text("routed_at IS NULL")),
)

#: One row for each notification and channel.
core_deliveries = Table(
    "core_deliveries",
    metadata,
    Column("notification_id", Uuid, nullable=False),
    Column("channel", Text, nullable=False),
    #: The message that tells it with others of its cause; what a receiver tells repetitions by.
    Column("batch_id", Uuid, nullable=False),
    #: PENDING, DELIVERED or FAILED.
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("created_at", _TIME, nullable=False, server_default=func.now()),
    Column("ended_at", _TIME),
    PrimaryKeyConstraint("notification_id", "channel"),
    Index(None, "batch_id"),
    Index("core_deliveries_pending", "channel", "created_at", postgresql_where=text("status = 'PENDING'::text")),
)

#: A deadline that is watched: from when on, and up to when it has been judged.
core_deadlines = Table(
    "core_deadlines",
    metadata,
    Column("deadline", Text, primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("watched_from", _TIME, nullable=False),
    Column("judged_until", _TIME, nullable=False),
)

#: How each partition that was due stands to its deadline: ``on time``, ``late`` or ``recovered``.
core_lateness = Table(
    "core_lateness",
    metadata,
    Column("deadline", Text, nullable=False),
    Column("partition_key", JSONB, nullable=False),
    Column("due_at", _TIME, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("state", Text, nullable=False),
    #: The run that first completed it; where none has, the newest one that there was when it was judged.
    Column("run_id", Text),
    Column("completed_at", _TIME),
    PrimaryKeyConstraint("deadline", "partition_key", "due_at"),
    Index(None, "due_at"),
    Index("core_lateness_late", "deadline", postgresql_where=text("state = 'late'::text")),
)

#: A backfill: what was asked for, and how it stands.
core_backfills = Table(
    "core_backfills",
    metadata,
    Column("backfill_id", Text, primary_key=True),
    Column("workflow", Text, nullable=False),
    Column("domain", Text, nullable=False),
    #: What was given for each param.
    Column("over", JSONB, nullable=False),
    #: Params that all its runs have in common.
    Column("params", JSONB, nullable=False),
    Column("reprocess", Text, nullable=False),
    #: Runs that it may have at a time.
    Column("max_parallel", Integer, nullable=False),
    Column("status", Text, nullable=False),
    #: On which its runs ask for workers.
    Column("task_queue", Text, nullable=False),
    Column("total", Integer, nullable=False),
    #: Who asked for it.
    Column("by", Text, nullable=False),
    #: Who paused or cancelled it, and why.
    Column("told", Text),
    Column("created_at", _TIME, nullable=False, server_default=func.now()),
    Column("completed_at", _TIME),
    Index(None, "created_at"),
)

#: How each partition of a backfill stands: done by which run, or why not.
core_backfill_partitions = Table(
    "core_backfill_partitions",
    metadata,
    Column("backfill_id", Text, nullable=False),
    #: Partitions are started in this order.
    Column("position", Integer, nullable=False),
    #: The params that it was named by.
    Column("params", JSONB, nullable=False),
    #: NULL, and no workflow id: the workflow does not take its params.
    Column("partition_key", JSONB),
    Column("workflow_id", Text),
    #: The newest day among its params.
    Column("not_before", Date),
    Column("status", Text, nullable=False),
    #: Why it was skipped, as a code and in words; of one that failed, its error and its category.
    Column("reason", Text),
    Column("detail", Text),
    Column("category", Text),
    #: The run that is resumed.
    Column("resumes", Text),
    #: The run that has done it, or that is why it was skipped.
    Column("run_id", Text),
    #: How many times it had its turn; the request to Temporal is named after it, so that one is made once.
    Column("turn", Integer, nullable=False, server_default=text("0")),
    Column("started_at", _TIME),
    Column("ended_at", _TIME),
    #: When its run, whose gate is decided, asked for a place again; NULL: it waits for none.
    Column("decided_at", _TIME),
    PrimaryKeyConstraint("backfill_id", "position"),
    Index(None, "backfill_id", "status", "position"),
    Index(
        "core_backfill_partitions_open",
        "workflow_id",
        postgresql_where=text("status = ANY (ARRAY['RUNNING'::text, 'HELD'::text])"),
    ),
)

#: What people, and deadlines, have decided of held gates.
core_decisions = Table(
    "core_decisions",
    metadata,
    Column("decision_id", Uuid, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("workflow_id", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("partition_key", JSONB, nullable=False),
    Column("step", Text, nullable=False),
    #: How many times a person had sent the run back to the step, and the decision's place among those of the round.
    Column("round", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("start_from", Text),
    Column("by", Text, nullable=False),
    #: Where ``by`` comes from: temporal, told or deadline; and what the sender has told, where that is another name.
    Column("identity", Text, nullable=False),
    Column("told_as", Text),
    Column("reason", Text, nullable=False),
    Column("evidence", Text),
    #: Whether the run went on by it; else a second person was waited for.
    Column("is_final", Boolean, nullable=False),
    #: What the gate had answered, and what it had measured, with thresholds.
    Column("error", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("seen", JSONB, nullable=False),
    Column("decided_at", _TIME, nullable=False, server_default=func.now()),
    Index(None, "run_id"),
    Index(None, "decided_at"),
)

#: For each newest revision, the oldest one whose workers may still work on it.
core_schema_floors = Table(
    "core_schema_floors",
    metadata,
    Column("revision", Text, primary_key=True),
    Column("floor", Text, nullable=False),
)
