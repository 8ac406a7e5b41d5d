"""Reading a message: who it is about, and its fields, typed; what rules and outputs look up in them."""
