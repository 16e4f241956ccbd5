"""What a step can run as a run of its own, as far as steps must know: a workflow consists of steps, and knows them."""


class Runnable:
    """A ``Workflow``."""
