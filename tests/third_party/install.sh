#!/bin/sh
# Installs the third-party clients below var/third_party: an environment for Python, a folder for Node.
# Safe to call again: what is there and unchanged is left alone. PYTHON names the interpreter to use.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target="$root/var/third_party"
python=${PYTHON:-python3}

# The fingerprint of everything an installation depends on.
fingerprint() {
    { "$@" --version; cat "$here/install.sh"; } 2>&1 | cat - "$here/requirements.txt" "$here/clients.txt" \
        "$here/package.json" | cksum
}

mkdir -p "$target"

stamp=$(fingerprint "$python")
if [ "$(cat "$target/venv.stamp" 2>/dev/null || true)" != "$stamp" ]; then
    rm -rf "$target/venv" "$target/venv.stamp"
    "$python" -m venv "$target/venv"
    "$target/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --requirement "$here/requirements.txt"
    "$target/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --no-deps --ignore-requires-python --requirement "$here/clients.txt"
    printf '%s' "$stamp" > "$target/venv.stamp"
fi

if ! command -v npm >/dev/null 2>&1; then
    echo "npm is not installed: the Node client is left out" >&2
    exit 1
fi
stamp=$(fingerprint node)
if [ "$(cat "$target/node.stamp" 2>/dev/null || true)" != "$stamp" ]; then
    rm -rf "$target/node" "$target/node.stamp"
    mkdir -p "$target/node"
    cp "$here/package.json" "$target/node/package.json"
    npm install --prefix "$target/node" --no-package-lock --no-audit --no-fund --ignore-scripts \
        --omit=dev --loglevel=error
    printf '%s' "$stamp" > "$target/node.stamp"
fi
