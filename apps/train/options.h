// The command line of the training programs.
#pragma once

#include <optional>
#include <string>

#include <taper/train/app.h>

#include <taper/train/option_groups.h>

#include "common/watch_report.h"

namespace taper::train {

struct Options {
    std::string model;  // by name
    Settings settings;
    DataOptions data;
    apps::PrecisionOptions formats;
    OutputOptions output;
    apps::WatchFlags watch;
    bool compare = false;
};

// Returns an exit code if the program is to end here: 0 after --help, 2 after a bad command line (both have printed).
std::optional<int> parse_command_line(int argc, char** argv, const App& app, Options& options);

}  // namespace taper::train
