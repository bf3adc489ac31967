"""Divide the cells of a terminal among the parts of the dashboard."""

from __future__ import annotations

from dataclasses import dataclass

WIDE, WIDE_HEIGHT = 118, 24
"""Terminal size from which the numbers always have a rail of their own beside the charts."""
PAGE_WIDTH, PAGE_HEIGHT = 100, 20
"""Terminal size from which a page opens in the rail; in a smaller terminal it opens below the charts."""
RAIL, MAX_RAIL = 43, 50
"""Columns of the rail, with the blank one at its left."""
PAGE_LINES = 9
"""Lines of a page below the charts, its title included."""
MAX_WIDE_PAGE_LINES = 24
"""Most lines of a page that needs the full width."""
MESSAGE_HEIGHT = 20
"""Terminal height from which messages have a line of their own above the keys."""
LARGE_WIDTH, LARGE_HEIGHT = 34, 8
"""Smallest size of a large chart beside another one."""
SMALL_WIDTH, SMALL_HEIGHT = 30, 9
"""Smallest size of a small chart."""
SMALL_SHARE = 0.4
"""Share of the height that small charts take when one row of them is below the large one."""
MAX_GRID_COLUMNS, MAX_GRID_ROWS = 4, 5
"""Most columns and rows of a page of equal charts."""
MIN_GRID_HEIGHT = 6
"""Lines of the smallest chart on such a page."""
MIN_HEADED = 12
"""Lines of such a page from which it has a heading."""
MAX_COLUMNS = 4
"""Most small charts in a row."""
PROJECTED_REMARK = 2
"""Lines of a remark on a projector."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The sizes of the parts of the dashboard in a terminal of one size, in cells.

    Attributes:
        header: lines of the header, 0 or 1.
        footer: lines of the footer: none, the keys, or the keys below a line for messages.
        rail: columns of the rail beside the charts; 0 without one.
        numbers: lines of numbers below the charts, where there is no rail.
        page: lines of an open page below the charts, where there is no rail.
        sparklines: lines of the sparklines that take the place of small charts: none, one, or two.
        log: lines of the log; log_title says whether it has a line of its own above.
        narration: lines of a lesson's narration.
        large: large charts side by side.
        columns, rows: the grid of small charts below the large ones.
        small_height: lines of one small chart.
        heading: lines of the heading of a page of equal charts, 0 or 1.
    """

    header: int
    footer: int
    rail: int = 0
    numbers: int = 0
    page: int = 0
    sparklines: int = 0
    log: int = 0
    log_title: bool = False
    narration: int = 0
    large: int = 0
    columns: int = 0
    rows: int = 0
    small_height: int = 0
    heading: int = 0

    @property
    def below(self) -> int:
        """Lines below the charts that a card may take: log, its title, narration, numbers and sparklines."""
        return self.log + self.log_title + self.narration + self.numbers + self.sparklines + self.page

    @property
    def charts(self) -> int:
        """Number of visible charts at most."""
        return self.large + self.columns * self.rows


@dataclass(frozen=True, slots=True)
class LayoutRequest:
    """The parts that want a place on the screen.

    Attributes:
        charts: number of charts and pictures.
        pictures: whether some of them are pictures; the first one is then as large as the first chart.
        chosen: whether the user has chosen the large chart.
        alone: whether that chart fills the screen.
        lesson: whether the narration of a lesson takes the lines of the log.
        page: whether a page is open.
        wide_page: whether that page needs the full width, and therefore opens below the charts.
        only_page: whether that page has the screen to itself.
        full_log: whether the log shows everything; it then takes the lines of a page.
        projector: whether the screen is read from afar: it then has neither keys, rail, log nor sparklines.
        grid: columns and rows of a page of equal charts, zeros for as many as have room; None for the standard page.
    """

    charts: int = 1
    pictures: bool = False
    chosen: bool = False
    alone: bool = False
    lesson: bool = False
    page: bool = False
    wide_page: bool = False
    only_page: bool = False
    full_log: bool = False
    projector: bool = False
    grid: tuple[int, int] | None = None


def arrange(width: int, height: int, contents: LayoutRequest) -> Arrangement:
    """Return the arrangement for a terminal of `width` by `height` cells."""
    header = int(height >= 2)
    footer = 0 if height < 6 or contents.projector else 2 if height >= MESSAGE_HEIGHT else 1
    inner = height - header - footer
    if contents.only_page:
        return Arrangement(header, footer, page=inner)
    wide = width >= WIDE and height >= WIDE_HEIGHT
    in_rail = contents.page and not contents.wide_page and width >= PAGE_WIDTH and height >= PAGE_HEIGHT
    with_rail = in_rail or (wide and not contents.alone and not contents.wide_page)
    if with_rail and not contents.projector:
        return _with_rail(width, inner, contents, header, footer)
    return _without_rail(width, inner, contents, header, footer)


def _with_rail(width: int, inner: int, contents: LayoutRequest, header: int, footer: int) -> Arrangement:
    """Arrange charts and log at the left of a rail with the numbers and the open page."""
    rail = RAIL if width < WIDE else min(max(width * 30 // 100, RAIL), MAX_RAIL)
    log = 9 if inner >= 50 else 6 if inner >= 34 else 4 if inner >= 26 else 3
    narration = 0
    if contents.lesson:
        narration, log = 8 if inner >= 50 else 7 if inner >= 30 else 5, 3 if inner >= 34 else 0
    if contents.full_log:
        log = max(log, inner // 3)
    if contents.alone:
        log = 0
    titled = log > 0
    room = inner - log - titled - narration
    left = width - rail - 2
    heading = _heading(room, contents)
    room -= heading
    sizes = _charts(left, room, contents)
    sparklines = 0
    if sizes[0] and not sizes[2] and room >= 12 and contents.charts > sizes[0] and not contents.alone:
        sparklines = 2
    return Arrangement(
        header, footer, rail, 0, 0, sparklines, log, titled, narration, *_charts(left, room - sparklines, contents),
        heading,
    )  # fmt: skip


def _without_rail(width: int, inner: int, contents: LayoutRequest, header: int, footer: int) -> Arrangement:
    """Arrange charts, numbers, sparklines, and below them the page or the log."""
    if width < 20 or inner < 6:
        page = max(inner - 1, 0) if contents.page or contents.full_log else 0
        as_log = contents.full_log and not contents.page
        return Arrangement(
            header, footer, numbers=max(inner - page, 0), page=0 if as_log else page, log=page if as_log else 0
        )
    numbers = 1 if inner < 12 else 2
    narration = (6 if inner >= 20 else 4 if inner >= 16 else 1) if contents.lesson else 0
    if contents.projector:
        narration = min(narration, PROJECTED_REMARK)
    most = MAX_WIDE_PAGE_LINES if contents.wide_page else PAGE_LINES
    page = min(most, max(inner // 2, 3)) if contents.page else 0
    log, titled = 0, False
    if contents.full_log and not page:
        log, titled = min(PAGE_LINES, max(inner // 2, 3)) - 1, True
    elif inner >= 20 and not (page or contents.lesson or contents.alone or contents.projector):
        log, titled = 3 if inner < 30 else 5, True
    if page or (contents.full_log and contents.lesson):
        narration = 0
    room = inner - numbers - narration - page - log - titled
    heading = _heading(room, contents)
    room -= heading
    sizes = _charts(width, room, contents)
    sparklines = 0
    if (
        sizes[0]
        and not sizes[2]
        and not (contents.page or contents.full_log or contents.alone or contents.projector)
        and contents.charts > sizes[0]
    ):
        sparklines = 2 if room >= 12 and inner >= 16 else 0
    return Arrangement(
        header,
        footer,
        0,
        numbers,
        page,
        sparklines,
        log,
        titled,
        narration,
        *_charts(width, room - sparklines, contents),
        heading,
    )


def _heading(room: int, contents: LayoutRequest) -> int:
    """Return the lines of the heading above a page of equal charts; a small terminal gives them to the charts."""
    return int(contents.grid is not None and not contents.alone and room >= MIN_HEADED)


def _charts(width: int, height: int, contents: LayoutRequest) -> tuple[int, int, int, int]:
    """Return the number of large charts, then columns, rows and height of the small ones below them."""
    if height < 1:
        return 0, 0, 0, 0
    if contents.grid is not None and not contents.alone:
        return 0, *_equal_charts(width, height, contents.grid, contents.charts)
    twice = contents.pictures and not (contents.chosen or contents.alone) and contents.charts > 1
    large = 2 if twice and width >= 2 * LARGE_WIDTH else 1
    rest = contents.charts - large
    columns = min(width // SMALL_WIDTH, MAX_COLUMNS, rest)
    if contents.alone or columns < min(rest, 2) or not rest or height < LARGE_HEIGHT + SMALL_HEIGHT + 6:
        return large, 0, 0, 0
    rows = 2 if rest > columns and height >= LARGE_HEIGHT + 3 * SMALL_HEIGHT else 1
    # Two rows of one chart each look worse than one row with all of them but one.
    columns = min(columns, -(-rest // rows))
    return large, columns, rows, max(int(height * SMALL_SHARE) if rows == 1 else height // 4, SMALL_HEIGHT)


def _equal_charts(width: int, height: int, grid: tuple[int, int], charts: int) -> tuple[int, int, int]:
    """Return columns, rows and height of charts of equal size: those asked for, as far as they can be read.

    Where as many as have room were asked for, a few charts share the whole room.
    """
    columns, rows = grid
    columns = min(columns or MAX_GRID_COLUMNS, max(width // SMALL_WIDTH, 1))
    rows = min(rows or height // SMALL_HEIGHT, max(height // MIN_GRID_HEIGHT, 1), MAX_GRID_ROWS)
    rows = max(rows, 1)
    if not any(grid):
        columns = max(min(columns, charts), 1)
        rows = max(min(rows, -(-charts // columns)), 1)
    return columns, rows, height // rows


Cells = tuple[int, int, int, int]
"""A rectangle: x, y, width, height."""
GUTTER = 2
"""Blank columns between charts."""


def chart_cells(arrangement: Arrangement, width: int, height: int, count: int) -> list[Cells]:
    """Return the rectangles of `count` charts in an area of `width` by `height` cells, the large ones first."""
    large = min(arrangement.large, count)
    small = min(count - large, arrangement.columns * arrangement.rows)
    columns = min(arrangement.columns, small)
    rows = -(-small // columns) if columns else 0
    top = height - rows * arrangement.small_height if large else 0
    cells = [(x, 0, span, top) for x, span in _split(width, large)]
    for row in range(rows):
        in_row = min(columns, small - row * columns)
        y = top + row * arrangement.small_height
        cells += [(x, y, span, arrangement.small_height) for x, span in _split(width, in_row)]
    return cells


def _split(width: int, parts: int) -> list[tuple[int, int]]:
    """Return start and width of equal parts with a gutter between them; the first ones take the cells left over."""
    if parts < 1:
        return []
    each, more = divmod(max(width - GUTTER * (parts - 1), parts), parts)
    spans: list[tuple[int, int]] = []
    x = 0
    for index in range(parts):
        span = each + (index < more)
        spans.append((x, span))
        x += span + GUTTER
    return spans
