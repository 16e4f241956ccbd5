"""Pictures of plans and runs, as text: graphs, timelines, differences. Pure: a Plan and what is recorded go in."""
