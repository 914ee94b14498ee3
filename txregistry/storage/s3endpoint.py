"""Where Amazon's S3 is: botocore knows."""

from botocore.loaders import Loader
from botocore.regions import EndpointResolver


def find_endpoint(
    region: str,
    *,
    secure: bool = True,
    dual_stack: bool = False,
    accelerate: bool = False,
    fips: bool = False,
) -> str:
    """Give the URL of the service in a region.

    Args:
        region: The region's name.
        secure: Whether by TLS.
        dual_stack: Whether it is to have an address of IPv6, too.
        accelerate: Whether it is that of Transfer Acceleration, which is no region's.
        fips: Whether it is one whose cryptography is approved by FIPS 140.

    Raises:
        ValueError: nobody knows such a region.
    """
    scheme = "https" if secure else "http"
    if accelerate:
        stack = ".dualstack" if dual_stack else ""
        return f"{scheme}://s3-accelerate{stack}.amazonaws.com"
    resolver = EndpointResolver(Loader().load_data("endpoints"))
    found = resolver.construct_endpoint(
        "s3", region, use_dualstack_endpoint=dual_stack, use_fips_endpoint=fips
    )
    if not found or not found.get("hostname"):
        raise ValueError(f"no S3 is known in the region {region}")
    return f"{scheme}://{found['hostname']}"
