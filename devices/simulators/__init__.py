"""Simulators of the wire: they speak a device's bytes, and production drivers talk to them."""
