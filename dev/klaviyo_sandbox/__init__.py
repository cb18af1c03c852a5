"""A local Klaviyo: a process of its own that behaves as Klaviyo's API is known to behave.

It stands in for Klaviyo in the demo and in tests, reaches nobody but the webhook address it is
given, and imports nothing of Junocal. The contract that docstrings name is
docs/klaviyo/contract.md.
"""
