"""The pure core: state machines, the planner and every decision. No I/O, clock, randomness or logging."""
