"""What delivers the outbox: channels, routes, and the workflow that sends."""
