"""`kiosk demo`: a terminal with simulated devices on the wire and a backend on loopback."""
