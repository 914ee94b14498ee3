"""A registry whose Index is elsewhere: one of ours, or one that misbehaves."""
