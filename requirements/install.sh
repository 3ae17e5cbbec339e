#!/usr/bin/env bash
# Makes .venv what requirements/dev.txt says, with this project in it in editable mode. `make setup` calls it.
# uv where there is one, else venv and pip. PYTHON names the interpreter; without it the first fitting one on the PATH is taken.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=requirements/dev.txt

fail() { printf 'setup: %s\n' "$1" >&2; exit 1; }

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    fits "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13"
    echo "$PYTHON"
    return
  fi
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11 python; do
    if fits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
}

# What pip's configuration files say of an option. (`pip config get` overlooks PIP_CONFIG_FILE.)
pip_setting() { "${python:-python3}" -m pip config list 2>/dev/null | sed -n "s/^global\.$1='\(.*\)'$/\1/p" || true; }

# uv reads nothing of pip's, so a mirror that only pip knows of is handed on; uv's own settings win.
hand_mirror_to_uv() {
  [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}${UV_CONFIG_FILE:-}" ] || return 0
  [ ! -e "${XDG_CONFIG_HOME:-$HOME/.config}/uv/uv.toml" ] && [ ! -e /etc/uv/uv.toml ] || return 0
  local index=${PIP_INDEX_URL:-$(pip_setting index-url)}
  if [ -n "$index" ]; then export UV_DEFAULT_INDEX=$index; fi
}

# Likewise certificates: pip's, else the system's where it has some, as pip does. (uv's own choice is a list that is built in.)
hand_certificates_to_uv() {
  [ -z "${SSL_CERT_FILE:-}" ] || return 0
  local bundle cert=${PIP_CERT:-$(pip_setting cert)}
  if [ -f "$cert" ]; then
    export SSL_CERT_FILE=$cert
    return
  fi
  for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
    if [ -e "$bundle" ]; then export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-1} UV_NATIVE_TLS=${UV_NATIVE_TLS:-1}; fi
  done
}

with_uv() {
  hand_mirror_to_uv
  hand_certificates_to_uv
  if ! fits .venv/bin/python; then
    rm -rf .venv
    uv venv --quiet --python "${python:->=3.11,<3.14}" .venv || fail "uv could not make .venv"
  fi
  export VIRTUAL_ENV=$PWD/.venv
  uv pip sync --require-hashes "$lock" ||
    fail "uv could not install $lock. Behind certificates of one's own: SSL_CERT_FILE=... make setup. With a mirror: UV_DEFAULT_INDEX=... make setup"
  uv pip install --quiet --no-deps --no-build-isolation --editable .
}

with_pip() {
  [ -n "$python" ] || fail "no Python 3.11, 3.12 or 3.13 on the PATH: install one, name one (make setup PYTHON=/path/to/python3.11), or install uv"
  if ! { fits .venv/bin/python && .venv/bin/python -c 'import pip' 2>/dev/null; }; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
      fail "$python cannot make virtual environments: install its venv module (on Debian and Ubuntu: apt install python3-venv), or install uv"
    "$python" -m venv --clear .venv
  fi
  .venv/bin/python -m pip install --disable-pip-version-check --require-hashes --requirement "$lock" | sed '/^Requirement already satisfied/d' ||
    fail "pip could not install $lock. Behind certificates of one's own: PIP_CERT=... make setup. With a mirror: PIP_INDEX_URL=... make setup"
  PYTHONWARNINGS=ignore .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
}

python=$(find_python)
if command -v uv >/dev/null; then with_uv; else with_pip; fi
