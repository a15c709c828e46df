"""A visit as a pure function: `advance(visit, event, now) -> (visit, effects)`.

No Qt, no threads, no files, no clock of its own, no network.
"""
