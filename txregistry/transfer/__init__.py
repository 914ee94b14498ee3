"""Content in and out without the API."""
