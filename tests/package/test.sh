#!/bin/sh
# Installs the library, builds this folder against it, runs its programs, and compares text and output with the docs.
# Usage: test.sh SOURCE_DIR BUILD_DIR CXX_COMPILER GENERATOR
set -eu
source=$1 build=$2 compiler=$3 generator=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/installed" >/dev/null
cmake -S "$source/tests/package" -B "$work/build" -G "$generator" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$work/installed" >/dev/null
cmake --build "$work/build" >/dev/null
block() {  # FILE LANGUAGE NUMBER: the text of that fenced block
    awk -v open='```'"$2" -v want="$3" '$0 == open {n++; on = n == want; next} $0 == "```" {on = 0} on' "$1"
}
block "$source/README.md" cpp 1 | diff - "$source/tests/package/readme.cpp" || { echo "package: the README's program is not tests/package/readme.cpp" >&2; exit 1; }
OMP_NUM_THREADS=2 "$work/build/readme" >"$work/readme.txt"
block "$source/README.md" text 1 | diff - "$work/readme.txt" || { echo "package: the README's output is not what its program printed" >&2; exit 1; }
block "$source/docs/guide.md" cpp 1 | diff - "$source/tests/package/own_op.cpp" || { echo "package: the guide's program is not tests/package/own_op.cpp" >&2; exit 1; }
"$work/build/own_op" >"$work/own_op.txt"
block "$source/docs/guide.md" text 1 | diff - "$work/own_op.txt" || { echo "package: the guide's output is not what its program printed" >&2; exit 1; }
block "$source/docs/guide.md" cpp 2 | diff - "$source/tests/package/watch.cpp" || { echo "package: the guide's second program is not tests/package/watch.cpp" >&2; exit 1; }
"$work/build/watch" >"$work/watch.txt"
block "$source/docs/guide.md" text 2 | diff - "$work/watch.txt" || { echo "package: the guide's second output is not what its program printed" >&2; exit 1; }
"$work/build/errors" | grep -q '^matmul: inner sizes differ: ' || { echo "package: the error of a matmul is not caught as taper::Error" >&2; exit 1; }

# The guide's training program, over twenty images of noise.
block "$source/docs/guide.md" cpp 3 | diff - "$source/tests/package/own_network.cpp" || { echo "package: the guide's program is not tests/package/own_network.cpp" >&2; exit 1; }
for split in train t10k; do
    { printf '\000\000\010\003\000\000\000\024\000\000\000\010\000\000\000\010'; head -c 1280 /dev/urandom; } >"$work/$split-images-idx3-ubyte"
    { printf '\000\000\010\001\000\000\000\024'; printf '\000\001\002\003\004\005\006\007\010\011\000\001\002\003\004\005\006\007\010\011'; } >"$work/$split-labels-idx1-ubyte"
done
"$work/build/own_network" --data "$work" --posit --epochs 2 --optimizer adam --save "$work/run.st" >"$work/own_network.txt"
grep -q 'posit(8,2)   epoch  2/2' "$work/own_network.txt" || { echo "package: the guide's training program does not train" >&2; exit 1; }
