"""Right networks with something that fails, hangs, is missing or kills beside them: full marks each.

What a student's file does beside the work: demos, long trainings, saved files, input(), packages that it never needs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.support.mutants import ARRAYS, LISTS
from tests.support.styles import MAIN

FREE_FORM = Path(__file__).parents[1] / "freeform"
DEMO = MAIN + "model = Model()\n"

# Below the classes, with a model and XOR at hand.
AFTER = {
    "typo": "prnt(model.forward((0, 1)))",
    "attribute": "model.fit(XOR)",
    "index": "print(XOR[4])",
    "key": "print({}['loss'])",
    "division": "print(1 / 0)",
    "assertion": "assert model.forward((0, 1)) > 2, 'has not learned'",
    "raises": "raise RuntimeError('done')",
    "interrupt": "raise KeyboardInterrupt",
    "group": "raise BaseException('odd')",
    "recursion": "def again(): again()\nagain()",
    "old_numpy": "print(np.float(1.0))",
    "exit": "exit()",
    "quit": "quit(0)",
    "sys_exit": "import sys\nsys.exit('bye')",
    "system_exit": "raise SystemExit(3)",
    "os_exit": "import os\nos._exit(0)",
    "abort": "import os\nos.abort()",
    "kill": "import signal\nsignal.raise_signal(signal.SIGKILL)",
    "terminate": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
    "segfault": "import ctypes\nctypes.string_at(0)",
    "forbidden_call": "import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)",
    "closes_files": "import os\nos.closerange(0, 64)",
    "writes_everywhere": "import os\nfor n in range(3, 9):\n    try: os.write(n, b'x' * 99)\n    except OSError: pass",
    "enter": "input('Press Enter to exit')",
    "number": "epochs = int(input('epochs: '))\ntrain(model, XOR, epochs)",
    "menu": "while True:\n    command = input('> ')\n    if command == 'q':\n        break",
    "password": "import getpass\ngetpass.getpass()",
    "arguments": "import sys\nepochs = int(sys.argv[1])\nprint(epochs)",
    "argparse": "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('epochs', type=int)\nprint(parser.parse_args().epochs)",
    "endless": "while True:\n    pass",
    "long_training": "train(model, XOR, 10**7)\nprint('trained')",
    "until_learned": "while sum((label - model.forward(x)) ** 2 for x, label in XOR) > 1e-9:\n    train(model, XOR, 1)",
    "slow_c": "print(len(str(9 ** 9 ** 7)))",
    "sleeps": "import time\ntime.sleep(3600)",
    "deadlock": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "empty_queue": "import queue\nprint(queue.Queue().get())",
    "thread": "import threading\nthreading.Thread(target=print).start()",
    "process": "import subprocess\nsubprocess.run(['cls'], check=True)",
    "pool": "import multiprocessing\nwith multiprocessing.Pool(2) as pool:\n    print(pool.map(abs, [1]))",
    "fork": "import os\nif os.fork() == 0:\n    os._exit(0)",
    "network": "import urllib.request\nprint(urllib.request.urlopen('http://localhost:9/').read())",
    "no_memory": "everything = np.ones((10**5, 10**5))\nprint(everything.sum())",
    "prints": "for n in range(10**6):\n    print(n, model.w if n < 0 else 'x' * 200)",
    "floods": "while True:\n    print('x' * 10000)",
    "missing_file": "print(open('data.csv').read())",
    "missing_table": "table = np.loadtxt('data.csv')\nprint(table.shape)",
    "saves": "np.save('weights.npy', [1.0, 2.0])\nassert np.load('weights.npy').sum() == 3",
    "savez": "np.savez('weights.npz', a=[1.0])\nassert np.load('weights.npz')['a'][0] == 1",
    "savetxt": "np.savetxt('weights.txt', [1.0, 2.0])\nassert np.loadtxt('weights.txt').sum() == 3",
    "pickles": "import pickle\nwith open('model.pkl', 'wb') as file:\n    pickle.dump([1, 2], file)\nassert pickle.load(open('model.pkl', 'rb')) == [1, 2]",
    "json": "import json\nwith open('history.json', 'w') as file:\n    json.dump({'loss': 1}, file)\nassert json.load(open('history.json')) == {'loss': 1}",
    "path": "from pathlib import Path\nPath('out').mkdir(exist_ok=True)\nPath('out/log.txt').write_text('done')\nassert Path('out/log.txt').exists()",
    "logging": "import logging\nlogging.basicConfig(filename='train.log')\nlogging.warning('loss %s', 1)",
    "csv": "import csv\nwith open('log.csv', 'w', newline='') as file:\n    csv.writer(file).writerow([1, 2])",
    "stdout_to_file": "import sys\nsys.stdout = open('log.txt', 'w')\nprint('done')",
    "full_disk": "with open('huge.bin', 'wb') as file:\n    while True:\n        file.write(bytes(2**20))",
    "pandas": "import pandas as pd\npd.DataFrame({'loss': [1]}).plot()",
    "star": "from bokeh.plotting import *\nshow(figure(title='loss'))",
    "colours": "from colorama import Fore, init\ninit()\nprint(Fore.GREEN + 'done')",
    "progress": "from tqdm import tqdm\nwith tqdm(range(3)) as bar:\n    assert len([n for n in bar]) == 3",
    "plots": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('loss.png')\nplt.show()",
    "tests": "import unittest\nclass Test(unittest.TestCase):\n    def test(self): self.fail()\nunittest.main()",
    "guard": "if __name__ == '__main__':\n    open('weights.txt', 'w').close()\n    exit()",
    "async": "import asyncio\nasync def show(): await asyncio.sleep(0)\nasyncio.run(show())",
    "rebinds": "train = train(model, XOR, 2)\nloss = loss(0.5, 1)\n",
    "second_class_fails": "class Model(Model):\n    shape = UNKNOWN\n",
}  # fmt: skip

# Above the classes.
BEFORE = {
    "pandas": "import pandas as pd, numpy as np\nfrom scipy.special import expit\nimport sklearn.metrics as metrics",
    "guarded": "try:\n    import cupy as xp\nexcept ImportError:\n    import numpy as xp",
    "colab": "from google.colab import drive\ndrive.mount('/content/drive')\nimport os\nos.chdir('/content/drive/MyDrive')",
    "data": "data = np.genfromtxt('xor.csv', delimiter=',')\nX = data[:, :2]",
    "epochs": "EPOCHS = int(input('How many epochs? '))",
    "exit": "import sys\nif len(sys.argv) < 2:\n    sys.exit('usage: network.py EPOCHS')",
    "endless": "while True:\n    pass",
    "crash": "import os\nos._exit(1)",
    "version": "import sys\nassert sys.version_info >= (3, 99)",
    "annotated": "import torchlight as tl\ndef show(table: tl.Table | None = None) -> tl.Figure: ...",
    "decorated": "from numba import njit\n@njit(cache=True)\ndef helper(x):\n    return x",
}

# Around a network that is watched, as none of the template's calls fit it.
WATCHED = {
    "exit": ("", "exit()"),
    "crash": ("", "import os\nos._exit(0)"),
    "endless_before": ("while True:\n    pass", ""),
    "crash_before": ("import os\nos._exit(0)", ""),
    "input_before": ("input('Start?')", ""),
    "saves_before": ("open('log.txt', 'w').write('start')\nimport pandas", ""),
    "fails_before": ("print(open('data.csv').read())", "prnt('done')"),
    "hangs_after": ("", "while True:\n    pass"),
}


def joined(base: str, before: str, after: str) -> str:
    """Return a program with something above and something below what it defines."""
    return f"import numpy as np\n{before}\n{base}\n{after}\n"


@cache
def programs() -> dict[str, str]:
    """Return the programs by name."""
    bases = (ARRAYS, LISTS)
    found = {
        f"after: {name}": joined(bases[n % 2], "", DEMO + code) for n, (name, code) in enumerate(AFTER.items())
    } | {f"before: {name}": joined(bases[n % 2], code, DEMO) for n, (name, code) in enumerate(BEFORE.items())}
    for n, (name, (before, after)) in enumerate(WATCHED.items()):
        base = (FREE_FORM / ("right_functions.py", "right_train_method.py")[n % 2]).with_suffix(".py")
        found[f"watched: {name}"] = joined(base.read_text(encoding="utf-8"), before, after)
    return found


# What ends the process that loads it, or takes long: a few of them are enough for a program of all the others.
DEADLY = {
    "endless", "long_training", "until_learned", "slow_c", "deadlock", "empty_queue", "prints", "floods", "no_memory", "full_disk",
    "os_exit", "abort", "kill", "terminate", "segfault", "forbidden_call", "closes_files", "writes_everywhere", "crash",
    "stdout_to_file",
}  # fmt: skip


def crowd() -> str:
    """Return one program with all that does not end its process, and three statements that do."""
    before = [code for name, code in BEFORE.items() if name not in DEADLY]
    after = [code for name, code in AFTER.items() if name not in DEADLY]
    deadly = [BEFORE["crash"], AFTER["endless"], AFTER["forbidden_call"]]
    return joined(ARRAYS, "\n".join(before), DEMO + "\n".join([*after[:9], *deadly, *after[9:]]))
