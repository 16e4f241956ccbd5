"""Run workflows and pipelines in tests, with no server or with one."""
