"""QR and bar codes, from camera pictures, keyboard wedges and serial scanners.

All give the same record, `devices.records.ScannedCode`. `camera` is one pure function;
`scanner` waits for what a scanner device reads, over a `wedge` or a `serial_line`.
"""
