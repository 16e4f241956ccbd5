"""A map whose items take moments: each writes a row, fails where its params and waits where a table say so."""

from spine_temporal import ErrorCategory, Pipeline, RetryPolicy, SpineError, Step, Workflow, register_pipeline


@register_pipeline("grouped.work")
class Work(Pipeline):
    """Writes the row of its item."""

    def run(self):
        item = self.params["item"]
        self.connection.exec_driver_sql("INSERT INTO grouped_rows VALUES (%s, %s)", (self.params["test"], item))
        if item in self.params.get("bad", ()):
            raise SpineError(f"{item} is wrong", ErrorCategory.DATA_QUALITY)
        if item in self.params.get("unsteady", ()) and self.attempt == 1:
            raise SpineError("not yet", ErrorCategory.TRANSIENT)
        self.connection.exec_driver_sql("SELECT pg_sleep(60) FROM grouped_waits WHERE item = %s", (item,))
        return {"row_count": 1, "item": item}


@register_pipeline("grouped.parts")
class Parts(Work):
    """Commits in parts."""

    transactional = False

    def run(self):
        return {"row_count": 1, "item": self.params["item"]}


def _map(pipeline):
    item = Workflow(
        name=f"{pipeline.name}_item",
        steps=[Step.pipeline("work", pipeline.name, retry=RetryPolicy(initial_interval=0.1))],
    )
    fan = Step.map("fan", "items", item, max_concurrency=4, tolerated_failures=1)
    return Workflow(name=f"{pipeline.name}_map", partition_by=["test"], steps=[fan])


MAP, PARTS = _map(Work), _map(Parts)
ALL = (MAP, PARTS)
