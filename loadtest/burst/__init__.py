"""A burst of several times what goes through: what clients, the core project and the level of degradation see of it."""
