#!/bin/sh
# Every public header compiles alone.  Usage: headers.sh SOURCE_DIR INCLUDE_DIR COMPILER
set -eu
status=0
for header in $(cd "$1" && find formats core autograd nn -name '*.h' ! -path 'core/cpu/*' | sort); do
    printf '#include <taper/%s>\n' "$header" | "$3" -std=gnu++20 -Wall -Wextra -Werror -fopenmp -fsyntax-only -I "$2" -x c++ - || { echo "headers: $header does not compile alone" >&2; status=1; }
done
exit $status
