#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image: a Python that is new enough, and what the grader imports.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"

fitting() {
  local python
  for python in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}

if ! python=$(fitting); then
  apt-get update
  apt-get install -y --no-install-recommends python3.11 python3.11-venv ||
    apt-get install -y --no-install-recommends python3 python3-venv
  python=$(fitting)
fi
"$python" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install --quiet --requirement "$root/source/requirements.txt"
