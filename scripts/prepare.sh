# SPDX-License-Identifier: Apache-2.0
# Sourced by ./demo, ./check, ./bench/run and ./attacks/run: installs Debian packages that are missing,
# and configures a build folder. POSIX sh.

# The packages that building cella takes, and those that its tests take beside them.
packages_build="gcc g++ libc6-dev meson ninja-build pkg-config python3 libzydis-dev libjansson-dev
libssl-dev libmicrohttpd-dev libp11-kit-dev libargon2-dev libseccomp-dev libsqlite3-dev libgsl-dev"
packages_test="libcmocka-dev musl-tools zlib1g-dev clang-format gdb strace mandoc openssl softhsm2 opensc curl swtpm swtpm-tools"

# prepare PACKAGE...: sees to it that they are there.
prepare()
{
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    command="apt-get install -y --no-install-recommends$missing"
    if [ "$(id -u)" -eq 0 ]; then
        run=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        run=sudo
    else
        echo "These Debian packages are missing; as root, run:" >&2
        echo "    apt-get update && $command" >&2
        exit 1
    fi
    echo "installing:$missing" >&2
    log=$(mktemp)
    if ! { $run apt-get update && DEBIAN_FRONTEND=noninteractive $run $command; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "apt-get failed; what was wanted: $command" >&2
        exit 1
    fi
    rm -f "$log"
}

# configure FOLDER [MESON-OPTION...]: quiet unless it fails. A folder that has been configured is left as
# it is, but for options that it has not been given.
configure()
{
    folder=$1
    shift
    again=
    if [ -f "$folder/build.ninja" ]; then
        [ $# -gt 0 ] && [ "$*" != "$(cat "$folder/options" 2>/dev/null)" ] || return 0
        again=--reconfigure
    fi
    log=$(mktemp)
    if ! meson setup $again "$folder" "$@" >"$log" 2>&1; then
        cat "$log" >&2
        exit 1
    fi
    echo "$*" >"$folder/options"
    rm -f "$log"
}

# build FOLDER TARGET...: quiet unless it fails.
build()
{
    folder=$1
    shift
    log=$(mktemp)
    if ! ninja -C "$folder" "$@" >"$log" 2>&1; then
        cat "$log" >&2
        exit 1
    fi
    rm -f "$log"
}
