"""A reference backend: the other side of the wire, for demos, tests and a first office.

It takes each application exactly once, gives it a case number, answers certificate and
query items from invented sample records, and publishes its OpenAPI. It shares
`kiosk.contract` with the terminal and no other code.
"""

from __future__ import annotations
