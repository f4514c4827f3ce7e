#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# 569 patients in an enclave that root cannot read, and the same program without it.
set -eu
cd "$(dirname "$0")/../.."
. scripts/prepare.sh

case ${1-} in
'') ;;
-h | --help)
    echo "usage: run.sh"
    echo "Runs SQL over 569 real biopsies in an enclave, and looks for them in the host's memory."
    exit 0
    ;;
*)
    echo "usage: run.sh" >&2
    exit 2
    ;;
esac

example=examples/patients
table=$example/breast_cancer.csv
prepare $packages_build libc-bin
configure build
build build cella

work=$(mktemp -d)
child=
finish()
{
    exec 3>&- 2>/dev/null || true
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# An ordinary program: gcc -static and Debian's libsqlite3.a, nothing of ours.
gcc -O2 -static -o "$work/sql" $example/sql.c -lsqlite3 -lm 2>"$work/log" || { cat "$work/log"; exit 1; }
gcc -O2 -o "$work/look" examples/look.c
examples/needles.py $table >"$work/needles"

root=
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1; then
        root=sudo
    else
        echo "The demo looks at this host's memory as root: run it as root, or install sudo." >&2
        exit 1
    fi
fi

tee=vsm
if ! build/cella doctor --json >"$work/doctor" 2>/dev/null && ! [ -s "$work/doctor" ]; then
    echo "cella doctor failed" >&2
    exit 1
fi
if ! python3 - "$work/doctor" <<'END'
import json, sys
tees = {tee["name"]: tee for tee in json.load(open(sys.argv[1]))["tees"]}
sys.exit(0 if tees["vsm"]["sealed"] else 1)
END
then
    tee=process
    echo "This machine has no sealed vsm (./build/cella doctor says why): the process TEE runs instead, and protects nothing."
fi

sql="SELECT c30 AS benign, count(*) AS patients, round(avg(c0), 2) AS radius, round(avg(c3), 1) AS area FROM patients GROUP BY c30"

# ask NAME COMMAND...: starts it, asks it the query, and looks for the patients while it waits.
ask()
{
    name=$1
    shift
    mkfifo "$work/$name.in"
    "$@" <"$work/$name.in" >"$work/$name.out" 2>"$work/$name.err" &
    child=$!
    exec 3>"$work/$name.in"
    echo "$sql" >&3
    while ! grep -q '^\.$' "$work/$name.out" 2>/dev/null; do
        if ! kill -0 "$child" 2>/dev/null; then
            cat "$work/$name.err" >&2
            exit 1
        fi
        sleep 0.1
    done
    sed '/^\.$/d; s/^/    /' "$work/$name.out"
    $root "$work/look" "$work/needles" "$child" >"$work/$name.found" 2>"$work/$name.where"
    exec 3>&-
    wait "$child"
    child=
    read -r found _ bytes processes <"$work/$name.found"
}

echo "A hospital's table: 569 real biopsies ($example/ORIGIN.md). The program: SQLite, static, unmodified."
build/cella pack -m $example/manifest.json -o "$work/sql.sgxs" "$work/sql" >"$work/identity"
echo
echo "1. In an enclave ($tee), $(cat "$work/identity"):"
ask inside build/cella run --tee $tee --folder $example "$work/sql.sgxs"
inside=$found
echo "   While it waits for its next query, root reads the memory of every process:"
echo "   $((bytes / 1048576)) MiB in $processes processes, and finds $inside of 569 patients."
echo
echo "2. The same program without cella:"
ask outside "$work/sql" patients $table
outside=$found
echo "   Root reads the memory of every process:"
echo "   $((bytes / 1048576)) MiB in $processes processes, and finds $outside of 569 patients."
echo
echo "Shown: root found $outside of 569 patients in the running program, and $inside of them in the enclave."
if [ $tee = vsm ]; then
    echo "Not shown: without Yama's ptrace_scope=3, root can still take the enclave's memory from cella's process (docs/attacks.md)."
else
    echo "Not shown: protection. The process TEE is for development; root can read it in other ways."
fi
echo "The table itself came in as a plain file, through the host: ./demo shows data that stays sealed."
[ "$outside" -eq 569 ] || { echo "run.sh: the control found only $outside patients: this proves nothing" >&2; exit 1; }
[ $tee != vsm ] || [ "$inside" -eq 0 ] || { echo "run.sh: patients were found: the enclave leaks" >&2; exit 1; }
