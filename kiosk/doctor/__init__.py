"""`kiosk doctor`: what is attached, whether it works, and what a technician should do about it.

Tests each device for real under the contract of `devices.contract`, and what a terminal needs
besides devices. Where a terminal runs, that one examines itself through the control socket,
with its own devices' queues: a port is never opened twice, and somebody who uses the terminal
is not disturbed (what was not tested then is said to be so).

Exit status: 0 the terminal serves, 1 it serves with limits, 2 it cannot serve, 3 that could
not be found out.
"""
