"""Packs: one declarative file describes one WFM; here it is read, checked, compiled and applied.

`document` declares every key once; `loader` is the only I/O; everything after it is pure and never raises on a message.
"""
