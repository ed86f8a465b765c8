#include <omp.h>

#include <cstdio>
#include <exception>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/train/data.h>
#include <taper/train/report.h>
#include <taper/train/watch_observer.h>

#include "common/plot.h"
#include "common/stop.h"
#include "common/text.h"

namespace taper::train {
namespace {

const Model& chosen_model(const App& app, const std::string& name) {
    for (const Model& model : app.models)
        if (model.name == name) return model;
    throw Error(fmt::format("no such model: {}", name));
}

void draw(const OutputOptions& options, const Runs& runs) {
    if (!apps::have_gnuplot()) {
        fmt::print("No plot: gnuplot is not installed{}.\n", options.csv.empty() ? "" : fmt::format("; the curves are in {}", options.csv.string()));
        return;
    }
    plot_report(options.plot, runs);
    fmt::print("Plot: {}\n", options.plot.string());
}

void draw_watched(const apps::WatchReport& watch) {
    const apps::WatchFlags& flags = watch.flags();
    if (flags.picture.empty()) return;
    if (watch.draw())
        fmt::print("Watched numbers: {}\n", flags.picture.string());
    else
        fmt::print("No picture: gnuplot is not installed; the watched numbers are in {}\n", flags.csv.string());
}

// One epoch of each run; false if a stop signal came.
bool train_epoch(const App& app, const Options& options, const Runs& runs) {
    const OutputOptions& output = options.output;
    for (const auto& run : runs) {
        if (!run->train_epoch()) {
            fmt::print(stderr, "{}: stopped by signal {}{}\n", app.name, apps::stop_signal(),
                       output.save.empty() ? "" : fmt::format("; continue with --resume {}", output.save.string()));
            return false;
        }
        if (!output.quiet) fmt::print("{}", epoch_line(*run));
        std::fflush(stdout);
        if (!output.csv.empty()) apps::replace_file(output.csv, csv_report(runs));
    }
    return true;
}

void report(const OutputOptions& output, const Runs& runs) {
    if (!output.csv.empty()) apps::replace_file(output.csv, csv_report(runs));
    fmt::print("\n{}", final_table(runs));
    const EpochResult* best = best_epoch(runs.back()->results());
    if (!output.save.empty() && best)
        fmt::print("\nBest test accuracy: {:.2f} % after epoch {}, kept in {}.best\n", 100 * best->test_accuracy, best->epoch + 1, output.save.string());
    if (!output.plot.empty()) draw(output, runs);
}

// The exit code.
int train(App app, const Options& options) {
    const Model& model = chosen_model(app, options.model);
    const nn::ImageSets data = load_data(app, model, options.data);
    const nn::Recipe recipe = options.formats.recipe();
    apps::WatchReport watch(options.watch);
    if (options.watch.every > 0) app.observers.push_back(watching(watch));
    Runs runs;
    if (options.compare) runs.push_back(std::make_unique<TrainingRun>(nn::Recipe{.step = recipe.step}, model, options, data));
    runs.push_back(std::make_unique<TrainingRun>(recipe, model, options, data));
    if (!options.output.resume.empty()) runs.back()->resume(options.output.resume);
    for (const auto& run : runs)
        for (const ObserverFactory& make : app.observers) run->observe(make);
    while (!runs.back()->finished())
        if (!train_epoch(app, options, runs)) return apps::stop_exit_code();
    report(options.output, runs);
    draw_watched(watch);
    return 0;
}

}  // namespace

int main(int argc, char** argv, const App& app) {
    Options options;
    if (const auto code = parse_command_line(argc, argv, app, options)) return *code;
    if (options.settings.threads > 0) omp_set_num_threads(options.settings.threads);
    apps::catch_stop_signals();
    try {
        return train(app, options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}: {}\n", app.name, error.what());
        return 1;
    }
}

}  // namespace taper::train
