"""What people see and touch: view models in, events out, and nothing else known."""
