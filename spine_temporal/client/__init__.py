"""Starting runs and reading their results."""
