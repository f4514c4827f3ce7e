#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# scripts/measurements.sh BUILD           prints docs/measurements.md for the programs in a build folder
# scripts/measurements.sh BUILD --check   0: docs/measurements.md is right; 77: other packages than its
# The same sources and packages give the same bytes, wherever they are built.
set -eu
cd "$(dirname "$0")/.."
build=$1
page=docs/measurements.md
packages() {
    for package in gcc-12 binutils libc6-dev libssl-dev libsqlite3-dev libgsl-dev libjansson-dev libargon2-dev; do
        dpkg-query -W -f '${Package} ${Version}; ' "$package" 2>/dev/null || printf '%s none; ' "$package"
    done
}
print() {
    cat <<END
# Measurements

What \`cella identity\` prints for the programs that cella ships, built of this version's sources with the packages below. The same sources
and packages give the same bytes in any folder: build it yourself and compare, before a contract names it.

| program | MRENCLAVE (also \`sha256sum\` of the image) |
| --- | --- |
| cella-query | $(sha256sum "$build/cella-query.sgxs" | cut -d' ' -f1) |

Agents (\`"agent"\` in a manifest) are part of other images; these are the SHA-256 of their files.

| agent | SHA-256 |
| --- | --- |
| cella-agent | $(sha256sum "$build/cella-agent" | cut -d' ' -f1) |
| cella-keyd-agent | $(sha256sum "$build/cella-keyd-agent" | cut -d' ' -f1) |

Packages: $(packages)

\`scripts/measurements.sh build > $page\` writes this page; \`./check\` compares.
END
}
[ "${2:-}" = --check ] || { print; exit; }
if [ "$(grep '^Packages' $page)" != "$(print | grep '^Packages')" ]; then
    echo "skipped measurements: docs/measurements.md is of other packages: $(packages)"
    exit 77
fi
print | diff $page - || { echo "docs/measurements.md is of other sources: scripts/measurements.sh $build > $page"; exit 1; }
