#!/usr/bin/env bash
# `make matrix`: the unit part of the tests on each Python from 3.11 to 3.14 that this machine has, pyenv's among them,
# each in an environment of its own. Fails where a part fails, and where fewer than two ran.
set -uo pipefail
cd "$(dirname "$0")/../.."
trap 'exit 130' INT TERM  # Ctrl-C ends all of it, not one Python's part

found() { # the first Python of this version that answers: a shim of pyenv stands there for those that are not set
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1"*"/bin/python$1"; do
    if "$candidate" --version 2>/dev/null | grep -q "^Python $1\."; then echo "$candidate"; return; fi
  done
}

ran=0 failed=0 summary=""
for version in 3.11 3.12 3.13 3.14; do
  python=$(found "$version")
  if [ -z "$python" ]; then summary+="$version is not here"$'\n'; continue; fi
  echo "== $("$python" --version)"
  if "${MAKE:-make}" --no-print-directory unit PYTHON="$python" VENV="var/matrix/$version"; then verdict=passed
  else verdict=FAILED; failed=$((failed + 1)); fi
  ran=$((ran + 1))
  summary+="$version $verdict"$'\n'
done
printf '%s' "$summary"
if [ "$ran" -lt 2 ]; then echo "Fewer than two ran: install another Python, with pyenv for one." >&2; exit 1; fi
exit "$((failed > 0))"
