"""Resident ID cards through a SAM-V reader on a serial line.

From the wire up: `framing` finds frames, `protocol` names commands and status codes,
`textblock` reads the 256 bytes of text, `driver` talks to a reader.
"""
