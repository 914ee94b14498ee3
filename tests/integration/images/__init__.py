"""Images go from every place to every other, by way of ``registryget`` and ``put``."""
