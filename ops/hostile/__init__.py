"""Starts that nobody means well with: each must complete, or fail with a reason, and none may hang."""
