"""The world that effects are carried out in: devices, outbox, backend, clock.

Each module has one carrier: it takes effects, returns at once, and answers from its own
thread through `reply`.
"""
