"""Model files whose TorchScript does what no model needs."""

import io
import re
import zipfile
from pathlib import Path

from conftest import MODEL

# Put first in the body of `message_layer`; what refuses it says so.
STATEMENTS = {
    "writes": ('torch.save(positions, "stolen.pt")', "the operator aten::save, which no model needs"),
    "reads": ('positions = torch.from_file("/etc/passwd", False, 10)', "the operator aten::from_file, which no model needs"),
    "prints": ('print("free of charge")', "the operator prim::Print, which no model needs"),
    "forks": ("_0 = fork(positions)", ""),  # torch's own parser knows no such thing in a file
    "waits": ("while True:\n      layer = torch.add(layer, 1)", "a loop without an end"),
    "counts": ("for i in range(1000000000000):\n      layer = torch.add(layer, i)", "a loop without an end"),
}
RAISES = 'ops.prim.RaiseException("no mercy \x1b[31m")'  # an escape that colours a terminal
RAISES_OTHER_BYTES = RAISES.replace("no mercy", "no mercy \xff")  # written as latin-1, which is no UTF-8
SETSTATE = "def __setstate__(self, state: int) -> NoneType:\n    print(state)\n    return None\n  def message_layer("


def with_code(path: Path, statement: str) -> Path:
    """The shipped model with this statement in its code, written to `path`."""
    return _rewritten(path, r"(def message_layer\(.*?\) -> Tensor:\n)", lambda found: f"{found[1]}    {statement}\n")


def with_setstate(path: Path) -> Path:
    return _rewritten(path, r"def message_layer\(", lambda _: SETSTATE)


def _rewritten(path: Path, pattern: str, new: object) -> Path:
    with zipfile.ZipFile(io.BytesIO(MODEL.read_bytes())) as shipped, zipfile.ZipFile(path, "w") as changed:
        for info in shipped.infolist():
            content = shipped.read(info)
            if info.filename.endswith("/scripted.py"):
                text, n_changed = re.subn(pattern, new, content.decode(), count=1, flags=re.DOTALL)  # type: ignore[call-overload]
                assert n_changed == 1
                content = text.encode("latin-1")
            changed.writestr(info.filename, content)
    return path
