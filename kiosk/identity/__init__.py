"""Who somebody is, what their card tells, and whether it is still valid. Pure."""
