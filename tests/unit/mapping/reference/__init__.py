"""Draws the tables of keys in docs/pack-reference.md from the declaration of packs and from examples."""
