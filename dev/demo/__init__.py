"""`manage.py demo`: the whole of Junocal on one machine, with a local Klaviyo beside it.

A supervisor that knows processes, ports and files; all that needs Django happens in a child.
"""
