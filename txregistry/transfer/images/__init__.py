"""Images on their way from one place to another, as archives."""
