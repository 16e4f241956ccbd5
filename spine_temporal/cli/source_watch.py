"""Watch the service's source files, and say which have changed."""

import threading
from pathlib import Path
from queue import Empty, SimpleQueue

from spine_temporal.cli.check_modules import Folders


class SourceWatch:
    """Watches folders of Python source."""

    def __init__(self) -> None:
        self._changed: SimpleQueue[str] = SimpleQueue()
        self._folders = Folders()
        self._stop = threading.Event()

    def watch(self, folders: Folders) -> None:
        """Watch these folders from now on, and no others."""
        if folders == self._folders:
            return
        self.close()
        self._folders, self._stop = folders, threading.Event()
        for paths, recursive in ((folders.deep, True), (folders.flat, False)):
            if paths:
                arguments = (paths, recursive, self._stop)
                threading.Thread(target=self._watch, args=arguments, name="spine-watch", daemon=True).start()

    def close(self) -> None:
        """Watch nothing any more."""
        self._stop.set()

    def changes(self, seconds: float) -> set[str]:
        """Return the files that have changed, waiting for the first one for so many seconds."""
        found: set[str] = set()
        try:
            found.add(self._changed.get(timeout=seconds))
            while True:
                found.add(self._changed.get_nowait())
        except Empty:
            return found

    def _watch(self, folders: tuple[str, ...], recursive: bool, stop: threading.Event) -> None:
        import watchfiles  # noqa: PLC0415 - an extra

        there = [folder for folder in folders if Path(folder).is_dir()]
        looks = watchfiles.watch(
            *there, recursive=recursive, stop_event=stop, watch_filter=watchfiles.PythonFilter(), raise_interrupt=False
        )
        for changes in looks:
            for _, path in changes:
                self._changed.put(path)
