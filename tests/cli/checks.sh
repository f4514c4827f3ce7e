# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the command line and of rooms share; sourced. Each check counts, and says what it
# looked for when it fails.
checks=0
failures=0
command=

# try COMMAND...: runs it; out, err and status are what it did.
try() {
    command="$*"
    { timeout 60 "$@" >out 2>err </dev/null; } 2>/dev/null # not: bash's word on signals
    status=$?
}

failed() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n  %s\n  status %s\n' "$command" "$1" "$status"
    sed 's/^/  out: /' out | head -20
    sed 's/^/  err: /' err | head -5
}

exits() {
    checks=$((checks + 1))
    [ "$status" -eq "$1" ] || failed "the exit status should be $1"
}

prints() { # exactly
    checks=$((checks + 1))
    printf '%s' "$1" | cmp -s - out || failed "stdout should be: $1"
}

says() { # stderr holds it
    checks=$((checks + 1))
    grep -qF -- "$1" err || failed "stderr should hold: $1"
}

shows() { # stdout holds it
    checks=$((checks + 1))
    grep -qF -- "$1" out || failed "stdout should hold: $1"
}

quiet() { # nothing on stderr
    checks=$((checks + 1))
    [ ! -s err ] || failed "stderr should be empty"
}

fails() { # one sentence on stderr, 125
    exits 125
    says "$1"
    checks=$((checks + 1))
    [ "$(wc -l <err)" -eq 1 ] || failed "stderr should be one line"
}

refuses() { # and nothing on stdout
    fails "$1"
    prints ''
}

misused() {
    exits 2
    prints ''
    says "$1"
    says '--help'
}

absent() {
    checks=$((checks + 1))
    [ ! -e "$1" ] || failed "$1 should not be there"
}

is_json() { # a file that python reads, with an expression on `j` that is true
    checks=$((checks + 1))
    python3 -c 'import json, sys; j = json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' \
        "$1" "$2" 2>/dev/null || failed "$1 should be JSON with: $2"
}
