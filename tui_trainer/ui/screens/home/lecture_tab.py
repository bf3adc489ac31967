"""The lecture on the home screen: its lessons, read when the tab is opened, and the way from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tui_trainer.errors import UserError
from tui_trainer.lecture.progress import LessonProgress, ProgressFile, progress_path
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.catalog import Catalog, LessonInfo, Lessons, PresetInfo
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.screens.finder import Group
from tui_trainer.ui.screens.home.items import Item

if TYPE_CHECKING:
    from tui_trainer.session.base import Session
    from tui_trainer.ui.lecture.tour import Tour


class LectureTab:
    """The lessons of a catalog, and the tour through them.

    Args:
        catalogue: the source of the lessons; one that has none shows an empty tab.
    """

    def __init__(self, catalogue: Catalog) -> None:
        self._source = catalogue if isinstance(catalogue, Lessons) else None
        self._call: BackgroundCall[list[LessonInfo]] | None = None
        self._lessons: list[LessonInfo] | None = None if self._source is not None else []
        self._groups: list[Group[Item]] | None = None if self._source is not None else []
        self._progress = ProgressFile(progress_path())
        self.tour: Tour | None = None
        """The position in the lecture; None where no lesson is open."""

    def read(self) -> None:
        """Begin to read the lessons, unless they are known."""
        source = self._source
        if source is not None and self._lessons is None and self._call is None:
            # The models of the lessons take as long to import as the rest of this screen.
            self._call = BackgroundCall(source.lessons)

    def poll(self, failed: Callable[[str], None]) -> bool:
        """Return whether the lessons have arrived; an error is passed on."""
        if self._call is None or not self._call.done:
            return False
        call, self._call = self._call, None
        from tui_trainer.ui.screens.contents import lesson_groups

        try:
            self._lessons = call.result()
        except (UserError, OSError) as error:
            self._lessons = []
            failed(str(error))
        self._groups = [(title, list(group)) for title, group in lesson_groups(self._lessons)]
        return True

    def groups(self) -> list[Group[Item]] | None:
        """Return the lessons by group; None before they have been read."""
        return self._groups

    def known(self, item: Item) -> LessonProgress | None:
        """Return the work of the reader in a lesson; None for what is no lesson, or was not seen."""
        return self._progress.lessons().get(item.name) if isinstance(item, LessonInfo) else None

    def progress(self, presets: Sequence[PresetInfo] | None, runs: Sequence[RunInfo]) -> str:
        """Return how many lessons were run, of how many; empty where there are none."""
        names = {preset.name for preset in presets or () if preset.is_lesson}
        seen = names & {run.preset for run in runs}
        return f"{len(seen)}/{len(names)}" if names else ""

    def opened(self, item: Item) -> None:
        """Begin the tour at a lesson; any other item ends it."""
        if not isinstance(item, LessonInfo):
            self.tour = None
            return
        from tui_trainer.ui.lecture.tour import Tour

        self.tour = Tour(lesson=item, order=tuple(self._lessons or ()), progress=self._progress)

    def start(self, lesson: LessonInfo) -> Session:
        """Start the runs of a lesson. Raises `UserError` where that fails."""
        assert self._source is not None, "a lesson was listed"
        return self._source.start_lesson(lesson.name)

    def next_lesson(self) -> LessonInfo | None:
        """Return the lesson to which the user has left the open one; None for the home screen."""
        tour = self.tour
        if tour is None or not tour.turn:
            return None
        turn, tour.turn = tour.turn, 0
        return tour.neighbour(turn)
