"""Starting runs and reading what they came to."""
