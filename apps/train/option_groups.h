// The options of training programs by group, each for a struct of its own, so that a program with a loop of its own takes those it needs.
// Every struct must outlive the parsing; bad values are CLI::ValidationErrors; what a struct holds before is the default that the help shows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <taper/train/settings.h>

#include "common/precision_options.h"

namespace CLI {
class App;
}

namespace taper::train {

struct DataOptions {
    std::filesystem::path folder;        // empty: the program's default
    std::int64_t limit = 0;              // training images; 0: all
    std::vector<float> mean, deviation;  // empty: measured
};
// --data, --limit, --mean, --std.
void add_data_options(CLI::App& app, DataOptions& options, const std::string& data_help);

// --optimizer, --lr, --momentum, --nesterov, --betas, --weight-decay, --compensated, --step.
void add_optimizer_options(CLI::App& app, OptimizerSettings& settings, apps::PrecisionOptions& formats);
// After the parsing: another optimizer than the default one has defaults of its own, and options that are not the optimizer's are refused.
void finish_optimizer_options(const CLI::App& app, OptimizerSettings& settings, OptimizerKind usual);

// --schedule and its numbers, --halve-every, --warmup.
void add_schedule_options(CLI::App& app, ScheduleSettings& settings);

// --loss-scale, --clip-value, --clip-norm.
void add_gradient_options(CLI::App& app, GradientSettings& settings);

// --seed, --threads, --device.
void add_machine_options(CLI::App& app, Settings& settings);

struct OutputOptions {
    bool quiet = false;
    std::filesystem::path csv, plot, save, resume;
    std::int64_t save_every = 0;  // batches; 0: at the end of epochs alone
};
// --csv, --plot, --save, --save-every, --resume, --quiet.
void add_output_options(CLI::App& app, OutputOptions& options);

}  // namespace taper::train
