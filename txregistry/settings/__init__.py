"""The settings: read from text, once, and frozen from then on."""
