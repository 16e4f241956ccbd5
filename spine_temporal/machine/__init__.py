"""What happens next: a Plan and a pure state machine over it. No Temporal, no I/O."""
