#!/bin/sh
# Makes sure that Erlang is here: its supervisor is what ours is compared with in tests/otp.
# The Makefile calls it; it needs nothing but a POSIX shell.
set -eu

say() { printf '%s\n' "$*" >&2; }

if command -v erl >/dev/null && command -v erlc >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    say "The tests compare with Erlang's supervisor, and there is none:" \
        "install Erlang/OTP 25 or later, so that erl and erlc are on the PATH."
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    say "The tests compare with Erlang's supervisor. Run this once, then make again:" \
        "sudo apt-get install erlang-base"
    exit 1
fi
say "The tests compare with Erlang's supervisor: installing Debian's erlang-base"
log="$(mktemp)"
if ! { $as_root apt-get update && DEBIAN_FRONTEND=noninteractive \
    $as_root apt-get install --yes --no-install-recommends erlang-base; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    say "erlang-base could not be installed. Put erl and erlc of OTP 25 or later on the PATH."
    rm -f "$log"
    exit 1
fi
rm -f "$log"
