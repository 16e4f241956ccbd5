"""A gate that asks for two of its approvers, for evidence, and makes itself heard."""

from spine_temporal import Step, Workflow
from tests.temporal import vocabulary

APPROVED = Workflow(
    name="approved",
    partition_by=["test"],
    steps=[
        Step.pipeline("ingest", "vocabulary.work"),
        Step.lambda_(
            "check",
            vocabulary.enough,
            {"least": 2},
            on_error="HOLD",
            approvers=["ann", "*@finance.example"],
            evidence=True,
            four_eyes=True,
            remind=1,
            escalate=1.5,
        ),
        Step.pipeline("after", "vocabulary.work"),
    ],
)
