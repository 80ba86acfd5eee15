"""Right networks with something that fails, hangs, is missing or kills beside them: full marks each.

What a student's file does beside the work: demos, long trainings, saved files, input(), packages that it never needs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from textwrap import indent

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
    "objects_for_classes": "Model = Model()\nNeuron = Neuron(2)",
    "loops_over_names": "for train in range(3): pass\nfor Model, Neuron in [(1, 2)]: pass",
    "numbers_for_functions": "list, sum, max, len, zip, range = [1], 0, 3, 1.5, 'x', 7\nnp = None",
    "trace": "import sys\ncalls = []\ndef tracer(*event):\n    calls.append(event)\n    return tracer\nsys.settrace(tracer)",
    "profile": "import sys\ndef profiler(*_): raise RuntimeError\nsys.setprofile(profiler)",
    "alarm": "import signal\ndef late(*_): raise TimeoutError\nsignal.signal(signal.SIGALRM, late)\nsignal.setitimer(signal.ITIMER_REAL, 0.2, 0.05)",
    "spinning_thread": "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin, daemon=True).start()",
    "window": "import tkinter as tk\nroot = tk.Tk()\nroot.mainloop()",
    "camera": "import cv2\nwhile cv2.waitKey(1) != 27: cv2.imshow('x', cv2.imread('x.png'))",
    "deep": "import sys\nsys.setrecursionlimit(10**9)\ndef deep(n): return deep(n + 1)\ndeep(0)",
    "exit_in_except": "try:\n    n = int(input())\nexcept ValueError:\n    import sys\n    sys.exit(1)\nfinally:\n    print('bye')",
    "pickled_model": "import pickle\npickle.dump(model, open('m.pkl', 'wb'))\nassert pickle.load(open('m.pkl', 'rb')).forward((0, 1)) == model.forward((0, 1))",
    "database": "import sqlite3\nsqlite3.connect('log.db').execute('create table t (loss)')",
    "animation": "import matplotlib.pyplot as plt\nfrom matplotlib.animation import FuncAnimation\nfig, ((a, b), (c, d)) = plt.subplots(2, 2)\nFuncAnimation(fig, print, frames=9)\nn, bins, patches = plt.hist([1])\nplt.rcParams['font.size'] = 3",
    "until_closed": "import matplotlib.pyplot as plt\nplt.ion()\nwhile plt.fignum_exists(1):\n    plt.pause(0.1)",
    "sliders": "from ipywidgets import interact, widgets\n@interact(n=(1, 5), x=widgets.FloatSlider(min=0))\ndef show(n, x): print(n, x)",
    "server": "from flask import Flask\napp = Flask(__name__)\n@app.route('/')\ndef page(): return 'x'\napp.run()",
    "at_exit": "import atexit\natexit.register(lambda: 1 / 0)",
    "closed_stdout": "import sys\nsys.stdout.close()",
    "limits": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**20, 2**20))",
    "folders": "import glob, os\nos.chdir(os.path.dirname(os.path.abspath(__file__)))\nos.makedirs('out', exist_ok=True)\nos.chdir('out')\nprint(glob.glob('*.npy')[0])",
    "clock": "import time\nend = time.time() + 30\nwhile time.time() < end: train(model, XOR, 1)",
    "asks_again": "while True:\n    try:\n        n = int(input('> '))\n        break\n    except:\n        continue",
    "debugger": "import pdb\npdb.set_trace()\nbreakpoint()",
    "no_names": "del model, train",
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
    "raising_numpy": "np.seterr(all='raise')",
    "raising_warnings": "import warnings\nwarnings.simplefilter('error')",
    "signatures": "from numba import njit, float64\n@njit(float64(float64))\ndef helper(x): return x\n@njit('f8(f8)', cache=True)\ndef other(x): return x",
    "settings": "from pydantic import BaseModel\nclass Settings(BaseModel):\n    rate: float = 0.3\nsettings = Settings()",
    "required": "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--rate', type=float, required=True)\nargs = parser.parse_args()",
    "detached": "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding='cp1251')",
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


# Blocks that hold the whole program, and what stands at their end.
BLOCKS = {
    "try": ("try:", "while True:\n    pass", "finally:\n    print('bye')"),
    "exit_in_try": ("try:", "int('x')", "except Exception:\n    exit(1)"),
    "with": ("with np.errstate(all='ignore'):", "while True:\n    pass", ""),
    "if": ("if True:", "import os\nos._exit(1)", ""),
    "loop": ("for attempt in range(1):", "exit()", ""),
    "guard": ("if __name__ == '__main__':", "print(model.forward((0, 1)))", ""),
    "guarded_loop": ("if __name__ == '__main__':", "while True:\n    pass", ""),
}  # fmt: skip


def in_block(name: str) -> str:
    """Return a program that stands in a block."""
    before, last, after = BLOCKS[name]
    inside = indent(f"{ARRAYS}\n{DEMO}{last}\n", "    ")
    return f"import numpy as np\n{before}\n{inside}{after}\n"


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
    return found | {f"block: {name}": in_block(name) for name in BLOCKS}


# What ends the process that loads it, takes long, or takes from the others what they need: a few of them are enough for a program of all the others.
DEADLY = {
    "endless", "long_training", "until_learned", "slow_c", "deadlock", "empty_queue", "prints", "floods", "no_memory", "full_disk",
    "os_exit", "abort", "kill", "terminate", "segfault", "forbidden_call", "closes_files", "writes_everywhere", "crash",
    "stdout_to_file", "closed_stdout", "detached", "deep", "camera", "until_closed", "clock", "asks_again", "spinning_thread", "limits",
    "no_names", "objects_for_classes", "loops_over_names", "numbers_for_functions", "trace", "profile", "alarm",
}  # fmt: skip


def crowd() -> str:
    """Return one program with all that does not end its process, and three statements that do."""
    before = [code for name, code in BEFORE.items() if name not in DEADLY]
    after = [code for name, code in AFTER.items() if name not in DEADLY]
    deadly = [BEFORE["crash"], AFTER["endless"], AFTER["forbidden_call"]]
    return joined(ARRAYS, "\n".join(before), DEMO + "\n".join([*after[:9], *deadly, *after[9:]]))
