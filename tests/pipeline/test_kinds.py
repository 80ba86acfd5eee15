"""Two submissions of each kind of right work that something beside it once cost its points: full marks in every seed."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest

from grader.core.report import Status
from tests.pipeline.test_several_files import FUNCTIONS, MODELS, NEURONS, PARTS, TRAINING, relative
from tests.pipeline.test_staging import written
from tests.support.command import ROOT, graded
from tests.support.mutants import ARRAYS, LISTS
from tests.support.packed import notebook, tarred, zipped
from tests.support.programs import DEMO

FREE = (ROOT / "tests" / "freeform" / "right_functions.py").read_text(encoding="utf-8")
METHOD = (ROOT / "tests" / "freeform" / "right_train_method.py").read_text(encoding="utf-8")
FROM_NETWORK = "from network import *\nassert Model().forward((0, 1)) > 2"
OUTPUT = notebook(ARRAYS).replace(
    b'"outputs": []', b'"outputs": [{"text": "' + Random(1).randbytes(2_500_000).hex().encode() + b'"}]'
)
Files = dict[str, str | bytes]


def packed(files: Files) -> dict[str, bytes]:
    return {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}


PACKAGE: Files = {
    "lab/main.py": f"from nn.neuron import *\n{MODELS}{TRAINING}",
    "lab/nn/neuron.py": f"from .funcs import *\n{NEURONS}",
    "lab/nn/funcs.py": FUNCTIONS,
}
KINDS: dict[str, tuple[Files, Files]] = {
    "G01 a last cell fails": ({"lab.ipynb": notebook(ARRAYS, "model.predict(X)")}, {"lab.ipynb": notebook("import numpy as np", LISTS, "assert Model().forward((0, 1)) == 1", "1 / 0")}),
    "G02 exit at the end": ({"network.py": ARRAYS + "quit()\n"}, {"network.py": LISTS + "import os\nos._exit(0)\n"}),
    "G03 waits for a key": ({"lab.py": ARRAYS + "input()\nint(input('n: '))\n"}, {"lab.py": LISTS + "while input('Again? ') != 'n': pass\n"}),
    "G04 saves its weights": ({"network.py": ARRAYS + DEMO + "np.savetxt('w.csv', model.n1._weigths)\n"}, {"network.py": LISTS + "import pickle, os\nos.makedirs('out')\npickle.dump([1], open('out/w.pkl', 'wb'))\n"}),
    "G05 trains until it has learned": (
        {"network.py": ARRAYS + DEMO + "while any(abs(y - model.forward(x)) > 0.05 for x, y in XOR):\n    train(model, XOR, 10)\n"},
        {"network.py": ARRAYS + DEMO + "loss_now = 1\nwhile loss_now > 1e-4:\n    loss_now = train(model, XOR, 1)[-1]\nassert loss_now < 1e-9\n"},
    ),
    "G06 a typo in the demo": ({"network.py": ARRAYS + DEMO + "pirnt(model)\n"}, {"network.py": LISTS + DEMO + "print(modle.forward((0, 1)))\nmodel.foward((0, 1))\n"}),
    "G07 free-form work that exits": ({"lab.py": FREE + "\nraise SystemExit\n"}, {"lab.py": METHOD + "\nimport sys\nsys.exit(0)\n"}),
    "G08 an export of Jupyter": (
        {"lab.py": f"# In[1]:\nget_ipython().magic('matplotlib inline')\n{ARRAYS}\n# In[2]:\ndisplay(Model())\n"},
        {"lab.py": f"%load_ext autoreload\n{ARRAYS}\nget_ipython().run_cell_magic('timeit', '-n 1', 'Model()')\nget_ipython().getoutput('ls')\n"},
    ),
    "G09 files and own tests": ({**PARTS, "test_all.py": FROM_NETWORK}, {"network.py": ARRAYS, "tests/__init__.py": "", "tests/test_network.py": f"import pytest\n{FROM_NETWORK}"}),
    "G10 files and an empty __init__": ({**PARTS, "__init__.py": ""}, {"src/__init__.py": "# \n", **{f"src/{name}": text for name, text in PARTS.items()}}),
    "G11 relative imports": ({"__init__.py": "from .network import *", **{name: relative(text) for name, text in PARTS.items()}}, {f"lab/{name}": relative(text) for name, text in PARTS.items()}),
    "G12 a folder of a package": ({"w.zip": zipped(packed(PACKAGE))}, {"w.tar.gz": tarred(packed({**PACKAGE, "lab/nn/__init__.py": ""}))}),
    "G13 backslashes": ({"w.zip": zipped({"a\\b\\network.py": ARRAYS.encode()})}, {"w.zip": zipped({name.replace("/", "\\"): text for name, text in packed(PACKAGE).items()})}),
    "G14 folders in folders": ({"w.zip": zipped({"a/b/c/d/network.py": ARRAYS.encode()})}, {"a/b/c/network.py": LISTS, "a/README.md": "x"}),
    "G15 archives in archives": ({"w.zip": zipped({"a/lab.zip": zipped({"b/network.py": ARRAYS.encode()})})}, {"w.tar": tarred({"lab.tgz": tarred({"w.zip": zipped({"network.py": ARRAYS.encode()})})}, "w")}),
    "G16 large outputs": ({"lab.ipynb": OUTPUT}, {"w.zip": zipped({"lab.ipynb": OUTPUT})}),
    "G17 cells that write files": ({"lab.ipynb": notebook(f"%%writefile network.py\n{ARRAYS}", "from network import *\nModel()")}, {"lab.ipynb": notebook(f"%%file neuron.py\n{FUNCTIONS}{NEURONS}", f"from neuron import *\n{MODELS}{TRAINING}")}),
    "G18 shell lines that go on": ({"lab.ipynb": notebook("!pip install \\\n    numpy \\\n    pandas", ARRAYS)}, {"lab.py": f"!apt-get install -y \\\n  python3\n%pip install \\\n  numpy\n{ARRAYS}"}),
    "G19 other encodings": ({"network.py": f"# Нейронная сеть\n{ARRAYS}".encode("cp1251")}, {"network.py": f"# Обучение сети\n{LISTS}".encode("cp866")}),
    "G21 packages that are not used": ({"network.py": f"from scipy.special import expit\nimport pandas as pd, seaborn as sns\n{ARRAYS}"}, {"network.py": f"from statsmodels.api import *\nfrom numba import njit\n@njit\ndef helper(x): return x\n{ARRAYS}"}),
    "G22 progress bars": (
        {"network.py": ARRAYS.replace("for _ in range(epochs):", "for _ in tqdm(range(epochs)):").replace("\n", "\nfrom tqdm import tqdm\n", 1)},
        {"network.py": ARRAYS.replace("    for _ in range(epochs):", "    bar = trange(epochs, desc='epoch')\n    for _ in bar:\n        bar.set_postfix(loss=1)").replace("\n", "\nfrom tqdm.auto import trange\n", 1)},
    ),
    "G23 a file and its notebook": ({"network.py": ARRAYS, "network.ipynb": notebook(ARRAYS)}, {"lab.py": ARRAYS, "lab.ipynb": notebook(ARRAYS, "1 / 0", "%time Model()")}),
}  # fmt: skip
QUICK = "G17 cells that write files"


def laid(folder: Path, files: Files) -> Path:
    """Write a submission; one file is the submission itself."""
    paths = [written(folder / "w" / name, content) for name, content in packed(files).items()]
    return paths[0] if len(paths) == 1 else folder / "w"


@pytest.mark.parametrize("variant", [0, 1])
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind == QUICK else pytest.mark.wide) for kind in KINDS]
)
def test_right_work_of_each_kind(kind: str, variant: int, tmp_path: Path) -> None:
    """Full marks."""
    report = graded(laid(tmp_path, KINDS[kind][variant]), seed=1)

    assert (report.status, report.score) == (Status.GRADED, 100)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 21))
@pytest.mark.parametrize("kind", KINDS)
def test_every_seed_gives_the_same_points(kind: str, seed: int, tmp_path: Path) -> None:
    """No points depend on where the program's own random start leads."""
    assert graded(laid(tmp_path, KINDS[kind][seed % 2]), seed=seed).score == 100


@pytest.mark.wide
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads it")
@pytest.mark.parametrize("line", ["print(f'{'a'}')", "type Vector = list[float]"])
def test_g20_newer_syntax_names_both_versions(line: str, tmp_path: Path) -> None:
    """It is not gradable, and the sentence says which Python is needed and which one grades."""
    report = graded(written(tmp_path / "network.py", f"{ARRAYS}\n{line}\n".encode()), seed=1)

    assert report.status is Status.NOT_GRADABLE
    assert "this needs Python 3.12 or later; the grader runs Python 3.11" in str(report.reason)
