"""The checker's questions, one module for each part of a pack."""
