#!/usr/bin/env bash
# On a machine with a GPU: configures, builds, runs all tests on it, measures, runs some tests under compute-sanitizer, and prints the tables, once more last.
# Fails where no GPU answers.  Made for 16 cores and 9 minutes.
# Usage: tests/gpu.sh [DEPENDENCIES]: a folder made by cmake/collect_deps.sh, where there is no package registry.
# Environment: BUILD (build-gpu); LOGS (gpu-logs in it); PYTHON (python3): steps of PyTorch are timed where it has a torch with CUDA, and its cuDNN serves
# where it has that of PyTorch's packages.
set -euo pipefail
dependencies=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."
if ! command -v nvidia-smi > /dev/null || ! nvidia-smi -L | grep -q GPU; then
    echo "gpu.sh: no GPU answers (nvidia-smi lists none)" >&2
    exit 1
fi
build=${BUILD:-build-gpu}
python=${PYTHON:-python3}
logs=${LOGS:-$build/gpu-logs}
mkdir -p "$logs"
export PATH=$PATH:/usr/local/cuda/bin
settings=(-DCMAKE_BUILD_TYPE=Release -DTAPER_CUDA=ON)
libraries() { export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$1; }
if [[ -n $dependencies ]]; then
    settings+=("-DCMAKE_PREFIX_PATH=$dependencies/usr")
    libraries "$dependencies/usr/lib/x86_64-linux-gnu"
fi
packages=$("$python" -c 'import importlib.util as u; print(list(u.find_spec("nvidia").submodule_search_locations)[0])' 2> /dev/null || true)
if [[ -e $packages/cudnn/include/cudnn_graph.h ]]; then  # it compiles kernels with NVRTC, which looks for its parts by the loader's path
    settings+=("-DTAPER_CUDNN_INCLUDE_DIR=$packages/cudnn/include")
    libraries "$packages/cudnn/lib:/usr/local/cuda/lib64:$packages/cu13/lib"
fi
if command -v ninja > /dev/null; then settings+=(-G Ninja); fi
status=0
failed() {
    echo "gpu.sh: $*"
    status=1
}

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | tee "$logs/machine"
nvcc --version | tail -n 2
date -u +%F | tee -a "$logs/machine"
cmake -S . -B "$build" "${settings[@]}" > "$logs/configure" || { tail -n 20 "$logs/configure" >&2; exit 1; }
grep -q 'cuDNN: ON' "$logs/configure" || failed "no headers of cuDNN: convolutions go without it"
cmake --build "$build" -j "$(nproc)" --target cuda_tests bench lenet > "$logs/build" || { grep -E 'error|FAILED' "$logs/build" | head -n 40 >&2; exit 1; }

CUDNN_LOGLEVEL_DBG=1 CUDNN_LOGDEST_DBG=$logs/cudnn timeout 240 ctest --test-dir "$build" -R '^cuda/' -j 8 --output-on-failure > "$logs/tests" || failed "tests failed: $logs/tests"
if grep -q 'Skipped' "$logs/tests"; then failed "tests were skipped, no GPU answered them: $logs/tests"; fi

# Paths of large sizes at small ones, so that exact references check them too.
export TAPER_TEST_DEVICE=cuda build logs
# shellcheck disable=SC2317  # called through xargs
small() {  # small TEST FILTER
    TAPER_CUDA_SMALL=1 timeout 100 "$build/tests/core/$1" --gtest_filter="$2" > "$logs/small-$1" 2>&1 && return
    echo "gpu.sh: $1 with TAPER_CUDA_SMALL=1 failed or ran too long: $logs/small-$1"
    return 1
}
export -f small
printf '%s\n' \
    "core_matmul_test *" \
    "core_exact_sums_test *" \
    "core_tensor_test *" \
    "core_conv2d_test Conv2d.IntegersInMixedFormats" \
    "core_norm_test Norm.MomentsOfAConvolutionAreThoseOfItsCodes" \
    "core_activation_test FusedActivation.OfConvolutions" |
    xargs -P 6 -L 1 bash -c 'small "$@"' small || failed "tests with TAPER_CUDA_SMALL=1"

row() { printf '%-44s %10s %10s\n' "$@"; }
step() {  # step NAME COMMAND...: which prints the median and the shortest
    local name=$1 times
    shift
    # shellcheck disable=SC2086  # two numbers
    if times=$(timeout 60 "$@"); then row "$name" $times; else failed "$name"; fi
}
measure() {
    timeout 120 "$build/apps/bench/bench" gpu || failed "bench gpu"
    printf '\n'
    row "training step, ms" median shortest
    for model in lenet5 preresnet20 dcgan64; do
        local bench=("$build/apps/bench/bench" step --model "$model" --device cuda --steps 100)
        step "$model float32" "${bench[@]}"
        step "$model posit(8,2)" "${bench[@]}" --posit
        step "$model float32, without graphs" env TAPER_CUDA_GRAPHS=0 "${bench[@]}"
        if "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2> /dev/null; then
            timeout 90 "$python" apps/reproduce/step_time.py 100 "$model" cuda > "$logs/torch-$model" || failed "step_time.py $model"
            while read -r name median shortest; do row "$model $name" "$median" "$shortest"; done < "$logs/torch-$model"
        fi
    done
}
measure > "$logs/tables"
cat "$logs/machine" "$logs/tables"  # what follows may be cut off

# shellcheck disable=SC2317  # called through xargs
sanitize() {  # sanitize TOOL TEST FILTER [small]: own kernels alone
    local log=$logs/$1-$2${4:+-$4}
    [[ -z ${4:-} ]] || export TAPER_CUDA_SMALL=1
    # shellcheck disable=SC2086  # an option and its value
    if ! timeout 100 compute-sanitizer --tool "$1" $own --error-exitcode 3 "$build"/tests/*/"$2" --gtest_filter="$3" > "$log" 2>&1 || ! grep -q 'PASSED' "$log"; then
        echo "gpu.sh: compute-sanitizer $1: $2 failed or ran too long: $log"
        return 1
    fi
}
export -f sanitize
export own=
if command -v compute-sanitizer > /dev/null; then
    if compute-sanitizer --help 2>&1 | grep -q -e '--kernel-name'; then own="--kernel-name kns=run_"; fi
    for tool in memcheck racecheck initcheck; do
        printf '%s\n' \
            "$tool core_matmul_test Matmul.EveryMixOfFormats:Matmul.BatchesBroadcast:Matmul.NaNAnywhere" \
            "$tool core_conv2d_test Conv2d.IntegersInMixedFormats:Conv2d.EmptyShapes" \
            "$tool core_exact_sums_test ExactSums.BiasBeforeTheRounding:ExactSums.NotFiniteAnywhere:ExactSums.TowardZero" \
            "$tool core_rounded_sums_test RoundedSums.PublishedDotProducts:RoundedSums.TheOrderOfTermsCounts" \
            "$tool core_rounded_halves_test RoundedHalves.OverflowAndUnderflow" \
            "$tool core_drawn_sums_test DrawnSums.CountTheirOutputsThroughABatch" \
            "$tool core_norm_test Norm.ForwardIsFloat64RoundedOnce:Norm.BackwardDataIsTheGradient" \
            "$tool core_pool_test *" \
            "$tool nn_module_test *"
        [[ $tool != initcheck ]] || continue  # what libraries write it would not see
        printf '%s\n' \
            "$tool core_exact_sums_test ExactSums.TileEdges small" \
            "$tool core_matmul_test Matmul.BatchesBroadcast small" \
            "$tool core_norm_test Norm.MomentsOfAConvolutionAreThoseOfItsCodes small"
    done | xargs -P 8 -L 1 bash -c 'sanitize "$@"' sanitize || failed "compute-sanitizer"
else
    failed "compute-sanitizer is not installed: memcheck, racecheck and initcheck did not run"
fi

grep -E 'Failed|tests passed' "$logs/tests" || true
cat "$logs/machine" "$logs/tables"
exit $status
