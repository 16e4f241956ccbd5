"""Around pipelines: the activities that record, the plugin, the worker."""
