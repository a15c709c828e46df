"""What people see and touch: draws views of the journey and emits its events, nothing else."""
