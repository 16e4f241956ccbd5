"""New projects, workflows and pipelines: plain templates, and the files that are made of them.

Nothing that exists is overwritten: what is in the way is refused before anything is written.
"""

from spine_temporal.scaffold.added import SAMPLE_DAY, pipeline_files, project_files, workflow_files
from spine_temporal.scaffold.names import DatedParam, NewName, dated_param, new_name
from spine_temporal.scaffold.new_files import NewFile, refuse_obstacles, write_files
from spine_temporal.scaffold.place import Place, place_in

__all__ = [
    # what is asked for
    "NewName",
    "new_name",
    "DatedParam",
    "dated_param",
    "Place",
    "place_in",
    # what is written
    "SAMPLE_DAY",
    "NewFile",
    "project_files",
    "workflow_files",
    "pipeline_files",
    "refuse_obstacles",
    "write_files",
]
