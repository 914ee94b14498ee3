"""Every role, every kind of caller, every route: none is open by accident."""
