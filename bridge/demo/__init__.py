"""The demo: a bridge, a legacy WFM and a Buyer that talk over the bus and HTTP, watched and checked step by step."""
