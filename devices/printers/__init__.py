"""Printers: a folder of PDF files, and CUPS."""
