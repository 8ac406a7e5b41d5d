"""What the use cases need from the outside, as values and protocols: a module for each noun.

Adapters live in `store/` and `wfm/`.
"""
