"""What crosses between the delivery workflow and its activities. Fields are only ever added."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

#: Workflow type, and activity types. Histories remember them.
DELIVER = "spine.deliver"
ROUTE = "spine.route"
SEND = "spine.send"
GIVE_UP = "spine.give_up"
#: Seconds without a sign of life after which an attempt to send is lost with its worker.
HEARTBEAT = 8.0


class Dispatch(BaseModel):
    """A batch that has not arrived on its channel."""

    model_config = ConfigDict(frozen=True)

    batch_id: UUID
    channel: str
    #: Seconds for which it is tried.
    give_up_after: float


class Routed(BaseModel):
    """What is to be sent now, and in how many seconds more is due; None: nothing waits."""

    model_config = ConfigDict(frozen=True)

    dispatches: tuple[Dispatch, ...] = ()
    next_in: float | None = None


class GivenUp(BaseModel):
    """A batch that is not sent any more, and why."""

    model_config = ConfigDict(frozen=True)

    batch_id: UUID
    channel: str
    error: str
