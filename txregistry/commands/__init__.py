"""``txregistry``: what there is to do beside serving."""
