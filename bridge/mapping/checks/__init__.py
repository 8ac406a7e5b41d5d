"""What is wrong with a pack: the checker's questions, one module for each part of a pack, and the proofs.

Begin at `checker`, which asks all of them; `inspection` looks at a whole file, however broken; `proofs/gaps` has the
theory of the proofs.
"""
