"""Cards through PC/SC: social-security cards, ICAO 9303 travel documents, UID presence.

`apdu` and `tlv` are the bytes, `guard` what may be sent at all, `socialcard` and `emrtd` the
two kinds of card that PC/SC can read, `identify` finds out which one lies there. `service` is
the only module that calls pcscd; it runs in the child process of `host`, which `reader`
starts, watches, kills and starts again.

Contents of a resident ID card need a SAM behind the reader: here it is only noticed.
"""
