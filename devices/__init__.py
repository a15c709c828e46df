"""Readers, cameras and printers of a terminal, as a library.

It imports nothing of the other packages here and knows no government service.
Plain results are in `devices.records`, failures in `devices.errors`.
"""
