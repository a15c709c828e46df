"""The application: the canonical content of one submission, and the checks on what is typed."""
