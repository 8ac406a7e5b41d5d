"""Commands to the WFM as a pack writes them, and its replies as a pack reads them."""
