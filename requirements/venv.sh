#!/bin/sh
# Makes the virtual environment in the folder $1, with the Python in $PYTHON if it is set.
# The Makefile calls it; it needs nothing but a POSIX shell.
set -eu

say() { printf '%s\n' "$*" >&2; }

supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3.11 python3 python3.12 python3.13}; do
        if supported "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    if [ -n "${PYTHON:-}" ]; then
        say "PYTHON=$PYTHON is not a Python from 3.11 to 3.13 that starts here."
    else
        say "Bulkhead needs Python 3.11, 3.12 or 3.13, and none is on the PATH."
        say "On Debian 12: apt-get install python3 python3-venv. Elsewhere: make PYTHON=/where/python3.11/is"
    fi
    return 1
}

can_make_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# Debian ships Python without its venv module. Whoever may install packages without being asked
# for a password gets it; everyone else gets the command to type.
add_venv_module() {
    package="$("$1" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
    if ! command -v apt-get >/dev/null; then
        say "$1 has no venv module; install the package that brings it, or set PYTHON to another Python."
        return 1
    fi
    if [ "$(id -u)" = 0 ]; then
        as_root=""
    elif sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        say "$1 has no venv module. Run this once, then make again: sudo apt-get install $package"
        return 1
    fi
    say "$1 has no venv module: installing Debian's $package"
    log="$(mktemp)"
    if ! { $as_root apt-get update && DEBIAN_FRONTEND=noninteractive \
        $as_root apt-get install --yes --no-install-recommends "$package"; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        say "$package could not be installed. Set PYTHON to a Python that has the venv module."
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

python="$(find_python)"
can_make_venvs "$python" || add_venv_module "$python"
say "Making a virtual environment in $1 with $("$python" --version)"
"$python" -m venv --clear "$1"
