#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# documents.sh CELLA SOURCE: what the documents list is what there is.
# - docs/syscalls.md names each system call of runtime/syscalls.c once, and no other as answered;
# - docs/api.md has the public headers and their functions;
# - libcella(3) has each function of <cella/cella.h>, with as many parameters;
# - each option that --help tells of is in the verb's man page, and the reverse;
# - docs/policy.md has each claim, and docs/attestation*.md each that has its name of cella;
# - man pages are well formed, where mandoc is there to say so.
set -u
cella=$1
source=$2
failures=0
failed() {
    failures=$((failures + 1))
    echo "FAILED: $1"
}

answered=$(grep -oE 'ENTRY\([a-z0-9_]+\)[^ ]|\[__NR_[a-z0-9_]+\] =|case __NR_[a-z0-9_]+:' \
    "$source/runtime/syscalls.c" | sed -E 's/.*(ENTRY\(|__NR_)([a-z0-9_]+).*/\2/' | sort)
documented=$(sed '/^## Not answered/,$d' "$source/docs/syscalls.md" |
    sed -nE 's/^\| (`[^|]*) \|.*/\1/p' | grep -oE '`[a-z0-9_]+`' | tr -d '`' | sort)
[ -n "$answered" ] || failed "no system call found in runtime/syscalls.c"
difference=$(diff <(echo "$answered") <(echo "$documented")) ||
    failed "runtime/syscalls.c (<) and docs/syscalls.md (>) differ:
$difference"

declared=$(tr '\n' ' ' <"$source/include/cella/cella.h" |
    grep -oE 'CELLA_API [^;(]*[ *](cella_[a-z_]+)\([^;]*\);' |
    sed -E 's/.*[ *](cella_[a-z_]+)\((.*)\);/\1 \2/; s/[^ ,]*,/,/g' |
    awk '{ print $1, gsub(/,/, "") + 1 }' | sort)
shown=$(sed -nE 's/^\.Fn (cella_[a-z_]+) "(.*)"$/\1 \2/p' "$source/docs/man/libcella.3" |
    awk '{ print $1, gsub(/" "/, "") + 1 }' | sort)
[ -n "$declared" ] || failed "no function found in cella.h"
difference=$(diff <(echo "$declared") <(echo "$shown")) ||
    failed "include/cella/cella.h (<) and docs/man/libcella.3 (>) differ:
$difference"

# The other public headers: docs/api.md speaks of each, and of every function of theirs but attest.h's;
# all are installed.
for header in "$source"/include/cella/*.h; do
    name=cella/$(basename "$header")
    grep -q "'include/$name'" "$source/meson.build" || failed "$name is not installed"
    [ "$name" = cella/error.h ] || grep -q "<$name>" "$source/docs/api.md" || failed "docs/api.md has no $name"
    case $name in cella/policy.h | cella/tls.h | cella/token.h | cella/verify.h) ;; *) continue ;; esac
    for function in $(tr '\n' ' ' <"$header" | grep -oE 'CELLA_API [^;(]*[ *]cella_[a-z_]+\(' | grep -oE 'cella_[a-z_]+\($'); do
        grep -q "${function%(}" "$source/docs/api.md" || failed "docs/api.md has no ${function%(} of $name"
    done
done

# Claims: by their whole names, or by what follows a hyphen or an underscore ("`-svn`").
is_told() {
    rest=$1
    grep -qF "\`$rest\`" "${told[@]}" && return
    while [[ $rest == *[-_]* ]]; do
        rest=${rest#*[-_]}
        grep -qE "\`[-_]$rest\`" "${told[@]}" && return
    done
    false
}
claims=$(sed -nE 's/^ *\{(SNP )?"([^"]+)", SCHEMA_.*, ([^ ]+)\},$/\1\2 \3/p' "$source/attest/policy/schema.c" |
    sed 's/^SNP /x-ms-sevsnpvm-/')
[ -n "$claims" ] || failed "no claim found in attest/policy/schema.c"
while read -r claim of; do
    told=("$source/docs/policy.md")
    is_told "$claim" || failed "docs/policy.md has no claim $claim"
    told=("$source"/docs/attestation*.md)
    [ "$of" != OWN ] || is_told "$claim" || failed "docs/attestation.md has no claim $claim"
done <<<"$claims"

options() { grep -oE '(^|[^-a-z])--[a-z_]+' | grep -oE '[a-z_]+$' | sort -u; }
for verb in collateral doctor identity inspect key keyd open pack platform policy room run seal tls-connect token verify; do
    help=$("$cella" $verb --help | options)
    page=$(sed -nE 's/^\.It Fl/.It Fl/p' "$source/docs/man/cella-$verb.1" |
        grep -oE 'Fl -[a-z_]+' | sed 's/^Fl -//' | sort -u)
    [ "$help" = "$page" ] || failed "cella $verb --help tells of: $(echo $help); its man page of: $(echo $page)"
done

if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$source"/docs/man/* || failed "man pages have mistakes"
fi
[ "$failures" -eq 0 ]
