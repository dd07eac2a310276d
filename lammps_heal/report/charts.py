"""Counts against time, as SVG that lies in the page itself."""

import io
from collections.abc import Mapping, Sequence
from itertools import chain
from math import isfinite

SIZE = (6.4, 2.4)  # inches: two in a row
HEADROOM = 1.08  # of the largest count
# One upon the other, the wide first: where lines coincide, each of them is seen.
STYLES = (("-", 2.2), ((0, (5, 3)), 1.7), ((0, (2, 2)), 1.4), ((0, (1, 3)), 1.4))


def chart(
    title: str, x: Sequence[float], lines: Mapping[str, Sequence[float]], x_title: str, y_title: str = "", counts: bool = False
) -> str:
    """Lines with a legend, as an SVG element. counts: their axis begins at zero."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.rc_context({"svg.fonttype": "none", "svg.hashsalt": title, "font.size": 9}):
        figure, axes = pyplot.subplots(figsize=SIZE, layout="constrained")
        for number, (name, values) in enumerate(lines.items()):
            style, width = STYLES[number % len(STYLES)] if len(lines) > 1 else ("-", 1.2)
            axes.plot(x, values, label=name, marker="." if len(x) < 60 else "", linestyle=style, linewidth=width)
        axes.set_title(title, loc="left")
        axes.set_xlabel(x_title)
        axes.set_ylabel(y_title)
        axes.grid(alpha=0.3)
        axes.margins(x=0.01)
        if counts:
            axes.set_ylim(0.0, HEADROOM * max(filter(isfinite, chain(*lines.values())), default=1.0))
        axes.legend(fontsize=8)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        pyplot.close(figure)
    text = file.getvalue()
    return text[text.index("<svg") :]
