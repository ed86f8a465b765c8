#!/bin/sh
# Collects what Taper needs from Debian's packages into a folder: headers, libraries and CMake files, for machines that have no package registry.
# There: cmake --preset release -DCMAKE_PREFIX_PATH=DIR/usr
# Usage: collect_deps.sh DIR
set -eu
[ $# = 1 ] || { echo "usage: collect_deps.sh DIR" >&2; exit 2; }
mkdir -p "$1"
for package in libgtest-dev libbenchmark-dev libbenchmark1 libfmt-dev libfmt9 libcli11-dev nlohmann-json3-dev libeigen3-dev libstb-dev libstb0 zlib1g-dev libgmp-dev libgmp10 libgmpxx4ldbl; do
    if ! dpkg-query -W "$package" >/dev/null 2>&1; then
        case $package in
            *-dev) echo "collect_deps.sh: a package is missing: $package (want it installed: cmake/install_packages.sh)" >&2; exit 1 ;;
            *) continue ;;  # a library that this release names otherwise, or that is static
        esac
    fi
    dpkg -L "$package" | grep -E '^/(usr/)?(include|lib|share)/' | grep -vE '/(doc|man|lintian|bug)/' | while read -r file; do
        if [ -d "$file" ] && [ ! -L "$file" ]; then continue; fi
        to=$file
        case $to in /usr/*) ;; *) to=/usr$to ;; esac
        mkdir -p "$1$(dirname "$to")"
        cp -P "$file" "$1$to"
    done
done
echo "collect_deps.sh: $(du -sh "$1" | cut -f1) in $1"
