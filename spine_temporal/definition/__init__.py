"""What a workflow is: pure data, checked on construction. Imports the standard library and pydantic only."""
