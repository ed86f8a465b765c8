#!/bin/sh
# Collects what Taper needs from Debian's packages into a folder: headers, libraries and CMake files, for machines that have no package registry.
# There: cmake --preset release -DCMAKE_PREFIX_PATH=DIR/usr, and DIR/usr/lib/x86_64-linux-gnu in LD_LIBRARY_PATH.
# Usage: collect_deps.sh DIR
set -eu
[ $# = 1 ] || { echo "usage: collect_deps.sh DIR" >&2; exit 2; }
mkdir -p "$1"
packages="libgtest-dev libbenchmark-dev libfmt-dev libcli11-dev nlohmann-json3-dev libeigen3-dev libstb-dev zlib1g-dev libgmp-dev"
for package in $packages; do
    dpkg-query -W "$package" >/dev/null 2>&1 ||
        { echo "collect_deps.sh: a package is missing: $package (want it installed: cmake/install_packages.sh)" >&2; exit 1; }
done
# The shared libraries that they bring along, but the C and C++ libraries, which compilers have.
# shellcheck disable=SC2086  # names
libraries=$(dpkg-query -W -f '${Depends}\n' $packages | sed 's/[,|]/\n/g' | sed 's/^ *//; s/[ :(].*//' | grep -E '^z?lib' |
    grep -vE '^(libc6|libc-dev|libgcc|libstdc)' | sort -u)
for package in $packages $libraries; do
    dpkg-query -W "$package" >/dev/null 2>&1 || continue  # the other of two that would do
    dpkg -L "$package" | grep -E '^/(usr/)?(include|lib|share)/' | grep -vE '/(doc|man|lintian|bug)/' | while read -r file; do
        if [ -d "$file" ] && [ ! -L "$file" ]; then continue; fi
        to=$1/usr/${file#/}
        case $file in /usr/*) to=$1$file ;; esac
        mkdir -p "$(dirname "$to")"
        case $(readlink "$file") in
            /*) cp -L "$file" "$to" ;;  # a link out of the folder
            *) cp -P "$file" "$to" ;;
        esac
    done
done
echo "collect_deps.sh: $(du -sh "$1" | cut -f1) in $1"
