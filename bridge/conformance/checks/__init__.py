"""The checks, one module for each part of the standard. Each lists its own; the catalogue puts the lists together."""
