"""Files and folders that get their name only when they are complete.

Both helpers yield NAME.part, beside the target, for the caller to write, and rename it to NAME afterwards. If the
caller raises, NAME.part is removed, and what had the name before keeps it. For several files that belong together,
enter all of them in one `contextlib.ExitStack`: then none is renamed before the last is written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def file(path: str | Path) -> Iterator[Path]:
    """A file to write and close, NAME.part; its folder is made if missing. An OSError without a name gets `path`'s."""
    path = Path(path)
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, "is a folder, and a file is to be made there", str(path))
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        if error.filename is None or str(error.filename) == str(part):
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):  # renamed already, or its folder could not be made
            part.unlink()


@contextlib.contextmanager
def folder(path: str | Path) -> Iterator[Path]:
    """A folder to make and fill, NAME.part; an older folder NAME is moved to NAME.old first and removed afterwards."""
    path = Path(path)
    part, old = path.with_name(path.name + ".part"), path.with_name(path.name + ".old")
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "is a file, and a folder is to be made there", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(part)
    try:
        yield part
        if os.path.lexists(path):
            _remove(old)
            os.rename(path, old)
        try:
            os.rename(part, path)
        except OSError:
            if os.path.lexists(old):
                os.rename(old, path)
            raise
        _remove(old)
    finally:
        _remove(part)


def _remove(path: Path) -> None:
    """Remove a folder, a file or a link if it is there."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
