"""Folders and files that are gone after a test."""

import os
import shutil
import tempfile

from twisted.trial.unittest import SynchronousTestCase


def make_folder(case: SynchronousTestCase) -> str:
    """Make a folder: not in trial's, which other runners do not have."""
    folder = tempfile.mkdtemp(prefix="txregistry-")
    case.addCleanup(shutil.rmtree, folder)
    return folder


def make_file(case: SynchronousTestCase, name: str, data: bytes) -> str:
    """Write a file in a folder of its own, and give its path."""
    path = os.path.join(make_folder(case), name)
    with open(path, "wb") as file:
        file.write(data)
    return path
