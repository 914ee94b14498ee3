"""Tell twistd of ``registry``."""

from twisted.application.service import ServiceMaker

serviceMaker = ServiceMaker(  # noqa: N816 - the name that plug-ins have always had
    "txregistry",
    "txregistry.starting",
    "A container registry: OCI Distribution 1.1 and Docker v2.",
    "registry",
)
