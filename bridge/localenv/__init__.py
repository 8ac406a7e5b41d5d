"""The services that the demo, `make run` and the tests need: found where they run already, or started for the moment.

Steps are tried in a fixed order; the first that works is taken, and one line says which it was and why (`service.py`).
An address given in the environment is taken at its word: if nothing answers there, that is an error and no other step
is tried. What we start ourselves listens on loopback only, lives in a directory of its own, and ends with us.

Import `find_broker` from `bridge.localenv.broker` and `find_postgres` from `bridge.localenv.postgres`.
"""
