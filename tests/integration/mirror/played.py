"""A registry that serves an image, and lies about it as a test says."""

from tests.integration.clients.images import Content, Image
from tests.integration.upstreams.liar import Liar, Play, Talk, answer

Pages = dict[str, bytes]
"""Whole answers to ``GET``, by path."""


def pages_of(name: str, tag: str, image: Image) -> Pages:
    """Write the answers of a registry that has an image."""
    manifest = page_of(image.manifest)
    return {
        "/v2/": answer(b"{}", "Content-Type: application/json"),
        f"/v2/{name}/manifests/{tag}": manifest,
        f"/v2/{name}/manifests/{image.digest}": manifest,
        **{f"/v2/{name}/blobs/{each.digest}": page_of(each) for each in image.blobs},
    }


def page_of(content: Content) -> bytes:
    """Write the answer for some content."""
    return answer(
        content.data,
        f"Content-Type: {content.media_type}",
        f"Docker-Content-Digest: {content.digest}",
    )


def serve(pages: Pages) -> Liar:
    """Serve some answers, which may be replaced at any time."""
    return Liar(_play(pages))


def _play(pages: Pages) -> Play:
    absent = answer(b"{}", "Content-Type: application/json", status="404 Not Found")

    def play(talk: Talk) -> None:
        while head := talk.listen():
            method, path = head.decode().split()[:2]
            page = pages.get(path, absent)
            if method == "HEAD":
                page = page.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            talk.say(page)

    return play
