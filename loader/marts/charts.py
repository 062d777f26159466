"""Bar charts as SVG text, drawn by Vega-Lite inside this process: no browser, no network, no script in the page.

Colours are `currentColor` and classes of the page's style sheet, so that the charts follow its light and dark mode.
"""

from __future__ import annotations

from dataclasses import dataclass

from loader.errors import SettingsError

WIDTH = 300  # of the drawing's own units: the room on a phone, so that its texts are not shrunk there
BAR_HEIGHT = 25
NAMES_WIDTH = 76
DIGIT_WIDTH = 7.5
FONT = "system-ui, sans-serif"


@dataclass(frozen=True)
class Bar:
    """A bar of a chart and the figure at its end."""

    name: str
    value: float
    figure: str


def bar_chart(bars: list[Bar]) -> str:
    """The bars from top to bottom as an SVG element. Raises SettingsError without the extra `report`."""
    try:
        import altair as alt
        import vl_convert
    except ImportError as error:
        raise SettingsError(
            "the report needs a charting library: run `make report`, or install the extra with pip install '.[report]'"
        ) from error

    rows = [{"name": bar.name, "value": bar.value, "end": max(bar.value, 0), "figure": bar.figure} for bar in bars]
    most, least = max(0.0, *(bar.value for bar in bars)), min(0.0, *(bar.value for bar in bars))
    room = WIDTH - NAMES_WIDTH
    figures_room = 10 + DIGIT_WIDTH * max(len(bar.figure) for bar in bars)
    # the longest bar ends where its figure still fits beside it
    scale = alt.Scale(domain=[least, (most - least or 1) * room / max(room - figures_room, 1) + least], nice=False)
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=alt.Y("name:N", sort=None, title=None))
    drawn = base.mark_bar(height=BAR_HEIGHT - 10, cornerRadiusEnd=3, color="currentColor").encode(
        x=alt.X("value:Q", axis=None, scale=scale, stack=None)
    )
    figures = base.mark_text(align="left", dx=6, fontSize=12, color="currentColor", font=FONT).encode(
        x=alt.X("end:Q", axis=None, scale=scale), text="figure:N"
    )
    axis = {
        "labelColor": "currentColor",
        "labelFont": FONT,
        "labelFontSize": 12,
        "labelLimit": NAMES_WIDTH - 4,
        "labelPadding": 8,
        "minExtent": NAMES_WIDTH,
        "maxExtent": NAMES_WIDTH,
        "domain": False,
        "ticks": False,
    }
    chart = (
        alt.layer(drawn, figures)
        .properties(width=WIDTH, height=BAR_HEIGHT * len(bars), padding=0)
        .properties(autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
        .configure(background="transparent", aria=False, axisY=axis)
        .configure_view(stroke=None)
    )
    svg: str = vl_convert.vegalite_to_svg(chart.to_dict())
    return svg
