#!/usr/bin/env bash
# On a machine with a GPU: configures, builds, runs all tests on it and the benchmarks, and prints the tables last.  Fails where no GPU answers.
# Usage: tests/gpu.sh [DEPENDENCIES]: a folder made by cmake/collect_deps.sh, where there is no package registry.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v nvidia-smi > /dev/null || ! nvidia-smi -L | grep -q GPU; then
    echo "gpu.sh: no GPU answers (nvidia-smi lists none)" >&2
    exit 1
fi
build=build-gpu
export PATH=$PATH:/usr/local/cuda/bin
prefix=()
if [[ -n ${1:-} ]]; then
    prefix=("-DCMAKE_PREFIX_PATH=$1/usr")
    export LD_LIBRARY_PATH=$1/usr/lib/x86_64-linux-gnu:${LD_LIBRARY_PATH:-}
fi
generator=()
if command -v ninja > /dev/null; then generator=(-G Ninja); fi
cmake -S . -B $build "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DTAPER_CUDA=ON "${prefix[@]}" > $build.log || { tail -n 20 $build.log >&2; exit 1; }
cmake --build $build -j "$(nproc)" --target cuda_tests bench lenet >> $build.log || { grep -E 'error|FAILED' $build.log | head -n 40 >&2; exit 1; }
status=0
TAPER_TEST_DEVICE=cuda ctest --test-dir $build -R '^cuda/' -j 4 --output-on-failure --timeout 120 > $build-tests.log || status=1
if command -v compute-sanitizer > /dev/null; then
    for tool in memcheck racecheck initcheck; do
        for test in matmul_test norm_test; do
            TAPER_TEST_DEVICE=cuda timeout 60 compute-sanitizer --tool $tool --error-exitcode 3 "$build/tests/core/core_$test" --gtest_filter='*Small*:*Error*' \
                > "$build-$tool-$test.log" 2>&1 || { echo "gpu.sh: compute-sanitizer $tool: $test failed or ran too long"; status=1; }
        done
    done
fi
grep -E 'Failed|\*\*\*' $build-tests.log || true
tail -n 4 $build-tests.log
nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
date -u +%F
$build/apps/bench/bench gpu
for model in lenet5 preresnet20 dcgan64; do
    for precision in float32 posit; do
        printf 'step %s %s: median and shortest, ms: ' $model $precision
        $build/apps/bench/bench step --model $model --precision $precision --device cuda --steps 30
    done
done
printf 'step lenet5 float32 without graphs: median and shortest, ms: '
TAPER_CUDA_GRAPHS=0 $build/apps/bench/bench step --model lenet5 --precision float32 --device cuda --steps 30
exit $status
