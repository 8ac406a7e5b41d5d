"""Chaos: jobs, bookings, moves and cancellations under way while everything around the bridge fails, and a checker."""
