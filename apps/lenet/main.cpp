// lenet: trains LeNet-5 with each role of the training in a number format of one's choice.
#include <omp.h>

#include <cstdio>
#include <exception>

#include <fmt/format.h>

#include <taper/formats/error.h>

#include "common/plot.h"
#include "common/stop.h"
#include "common/text.h"
#include "report.h"

namespace taper::apps {
namespace {

nn::ImageSets load_data(const LenetOptions& options) {
    const std::filesystem::path folder = options.data.empty() ? nn::find_fashion_mnist() : options.data;
    nn::ImageSets sets = nn::load_idx_folder(folder);
    const Shape& shape = sets.train.shape;
    if (shape[2] != 28 || shape[3] != 28)
        throw Error(fmt::format("images of another size: {} has {} x {} (want 28 x 28)", folder.string(), shape[2], shape[3]));
    for (nn::ImageClassification* set : {&sets.train, &sets.test}) {
        if (options.mean) set->normalisation.mean = {*options.mean};
        if (options.deviation) set->normalisation.deviation = {*options.deviation};
    }
    if (options.limit > 0 && options.limit < sets.train.size()) {
        sets.train.labels.resize(static_cast<std::size_t>(options.limit));
        sets.train.images.resize(static_cast<std::size_t>(options.limit * 28 * 28));
        sets.train.shape = {options.limit, 1, 28, 28};
    }
    return sets;
}

void draw(const LenetOptions& options, const Runs& runs) {
    if (!have_gnuplot()) {
        fmt::print("No plot: gnuplot is not installed{}.\n", options.csv.empty() ? "" : fmt::format("; the curves are in {}", options.csv.string()));
        return;
    }
    plot_report(options.plot, runs);
    fmt::print("Plot: {}\n", options.plot.string());
}

// The exit code.
int train(const LenetOptions& options) {
    const nn::ImageSets data = load_data(options);
    Runs runs;
    if (options.compare) runs.push_back(std::make_unique<TrainingRun>(nn::Recipe{}, options, data));
    runs.push_back(std::make_unique<TrainingRun>(options.formats.recipe(), options, data));
    if (!options.resume.empty()) runs.back()->resume(options.resume);
    while (!runs.back()->finished()) {
        for (const auto& run : runs) {
            if (!run->train_epoch()) {
                fmt::print(stderr, "lenet: stopped by signal {}{}\n", stop_signal(),
                           options.save.empty() ? "" : fmt::format("; continue with --resume {}", options.save.string()));
                return stop_exit_code();
            }
            if (!options.quiet) fmt::print("{}", epoch_line(*run, options.epochs));
            std::fflush(stdout);
            if (!options.csv.empty()) replace_file(options.csv, csv_report(runs));
        }
    }
    if (!options.csv.empty()) replace_file(options.csv, csv_report(runs));
    fmt::print("\n{}", final_table(runs));
    if (!options.plot.empty()) draw(options, runs);
    return 0;
}

}  // namespace
}  // namespace taper::apps

int main(int argc, char** argv) {
    taper::apps::LenetOptions options;
    if (const auto code = taper::apps::parse_command_line(argc, argv, options)) return *code;
    if (options.threads > 0) omp_set_num_threads(options.threads);
    taper::apps::catch_stop_signals();
    try {
        return taper::apps::train(options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "lenet: {}\n", error.what());
        return 1;
    }
}
