#!/bin/sh
# Every public header compiles alone.  Usage: headers.sh SOURCE_DIR INCLUDE_DIR COMPILER
set -eu
status=0
for header in $(cd "$1" && find formats core autograd nn -name '*.h' ! -path 'core/cpu/*' | sort); do
    printf '#include <taper/%s>\n' "$header" | "$3" -std=gnu++20 -Wall -Wextra -Werror -fopenmp -fsyntax-only -I "$2" -x c++ - || { echo "headers: $header does not compile alone" >&2; status=1; }
done
if [ -e "$2/taper/train" ]; then
    for header in app.h observer.h settings.h; do
        printf '#include <taper/train/%s>\n' "$header" | "$3" -std=gnu++20 -Wall -Wextra -Werror -fopenmp -fsyntax-only -I "$2" -x c++ - || { echo "headers: train/$header does not compile alone" >&2; status=1; }
    done
fi
exit $status
