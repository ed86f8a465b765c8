// The speed goals, each a ratio measured in one run on one machine.
#pragma once

#include <string>
#include <vector>

#include "timing.h"

namespace taper::bench {

// Prints a line each, "NAME RATIO GOAL ok" or "NAME RATIO GOAL short"; GOAL is the least ratio, or the greatest if it is written "<=1.20";
// "NAME - GOAL skipped (reason)" where the yardstick is missing.  Only those in `names`, all if it is empty.
// Returns the exit code: 0, 1 if one is short, 2 on an unknown name.
int run_goals(const std::vector<std::string>& names, const Effort& effort);

std::vector<std::string> goal_names();

}  // namespace taper::bench
