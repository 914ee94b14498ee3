"""The rules of the specifications, without HTTP."""
