"""Counts against time, as SVG that lies in the page itself."""

import io
from collections.abc import Mapping, Sequence

SIZE = (6.4, 2.4)  # inches: two in a row


def chart(title: str, x: Sequence[float], lines: Mapping[str, Sequence[float]], x_title: str = "timestep") -> str:
    """Lines with a legend, as an SVG element."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.rc_context({"svg.fonttype": "none", "svg.hashsalt": title, "font.size": 9}):
        figure, axes = pyplot.subplots(figsize=SIZE, layout="constrained")
        for name, values in lines.items():
            axes.plot(x, values, label=name, marker="." if len(x) < 60 else "", linewidth=1.2)
        axes.set_title(title, loc="left")
        axes.set_xlabel(x_title)
        axes.grid(alpha=0.3)
        axes.margins(x=0.01)
        axes.legend(fontsize=8)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        pyplot.close(figure)
    text = file.getvalue()
    return text[text.index("<svg") :]
