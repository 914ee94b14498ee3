"""The parts that the settings describe, put together."""
