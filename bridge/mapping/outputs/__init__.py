"""What the Buyer sees of a WorkOrder and its visit, made of the fields of a message."""
