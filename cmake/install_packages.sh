#!/bin/sh
# Installs from Debian what cmake/debian-packages.txt names and this machine lacks; asks for root only if something is missing.
set -eu
list=$(dirname "$0")/debian-packages.txt
missing=
for package in $(cat "$list"); do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get update -qq
# shellcheck disable=SC2086  # one word a package
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
