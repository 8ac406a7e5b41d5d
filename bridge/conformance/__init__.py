"""A conformance suite for MEF 137 that any Seller can run against any implementation.

It plays a Buyer with a real callback listener, speaks HTTP and raw JSON only, and asks the WFM side for what a Buyer
cannot cause through hooks. It judges by the standard alone: nothing here knows how the tested system is built.
"""
