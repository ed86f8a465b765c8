// What kernels reach on a GPU, beside the goals of cuda/README.md.
#pragma once

namespace taper::bench {

// Prints a line each, "NAME VALUE UNIT GOAL".  Returns the exit code: 2 where no GPU answers.
int run_gpu();

}  // namespace taper::bench
