"""Receipts: what a resident takes away on paper."""
