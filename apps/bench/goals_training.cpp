// Training steps of networks.
#include <omp.h>

#include "common/precision_options.h"
#include "goal.h"
#include "training_step.h"

namespace taper::bench {
namespace {

Outcome lenet_step(const Effort& effort) {
    omp_set_num_threads(2);
    const auto [plain, ours] = time_in_turn(training_step("lenet5", {}), training_step("lenet5", {.precision = apps::posit_mix()}), effort);
    return {ours / plain, {}};
}

}  // namespace

std::vector<Goal> training_goals() { return {{"lenet_step_posit8_over_float32", Bound::at_most, 1.20, lenet_step}}; }

}  // namespace taper::bench
