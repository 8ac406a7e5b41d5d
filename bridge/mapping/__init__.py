"""Packs: one declarative file describes one WFM; here it is read, checked, compiled and applied.

The rooms, from the ground up; each knows only those that stand before it here:

- `formats/`: how values are written: date-times, durations, JSONPath, XML. Knows no pack.
- `document/`: the pack file, every key declared once with what it means. Docs and JSON Schema are drawn from here.
- `reading/`: a message of the WFM, read by a pack: who it is about, its fields, its cells and tables.
- `outputs/`: what the Buyer sees of it: the WorkOrder, the visit, and the entries of their lists.
- `commands/`: what the WFM is asked, and what its replies mean.
- `rules`, `translator`, `pack`: the decision table; one message through all of this; a compiled pack as others see it.
- `checks/`: what is wrong with a pack, and what can be proven of it.
- `loader`: from a directory to a pack; the only I/O.

Where is it? How a date is read: `formats/datetimes`, and `reading/conversions` for a field. What a key of a pack means:
`document/`. Which rule holds: `rules`. Which reply is a yes: `commands/replies`. Which command a reply is for:
`commands/replies` and, for the bus, `flows/`. What the checker proves: `checks/proofs/gaps`.

Everything but `loader` is pure. What compiles lives with what it compiles to (`compile_fields` with `Field`). A
compiled pack never raises on a message: the result is a value that says what was wrong.
"""
