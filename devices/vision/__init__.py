"""Processes and shared pictures for cameras: what face and document stations stand on."""
