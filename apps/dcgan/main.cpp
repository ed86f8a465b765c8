// dcgan: trains a DCGAN with each role of the training in a number format of one's choice, and generates from it.
#include <omp.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <taper/formats/error.h>

#include "common/plot.h"
#include "common/progress_bar.h"
#include "common/stop.h"
#include "common/text.h"
#include "features.h"
#include "report.h"
#include "samples.h"

namespace taper::apps {
namespace {

constexpr std::int64_t grid_images = 64;

nn::ImageSets load_data(const GanOptions& options) {
    nn::ImageSets sets = nn::load_images(options.data.empty() ? nn::find_fashion_mnist() : options.data, {.side = options.size});
    if (options.limit > 0 && options.limit < sets.train.size()) {
        const Shape& shape = sets.train.shape;
        sets.train.labels.resize(static_cast<std::size_t>(options.limit));
        sets.train.images.resize(static_cast<std::size_t>(options.limit * shape[1] * shape[2] * shape[3]));
        sets.train.shape = {options.limit, shape[1], shape[2], shape[3]};
    }
    return sets;
}

// Nothing without --features.
std::optional<LenetDistance> make_distance(const GanOptions& options, const nn::ImageSets& data) {
    if (options.features.empty()) return {};
    return std::optional<LenetDistance>(std::in_place, options.features, data);
}

void print_distance(const GanOptions& options, LenetDistance& distance, nn::DcganGenerator& generator, std::int64_t test_images) {
    const nn::ImageClassification samples = make_samples(generator, options.frechet_images, options.seed);
    fmt::print("Frechet distance on LeNet-5's 84 features, {} samples against {} test images: {:.4f}\n", with_commas(samples.size()), with_commas(test_images),
               distance(samples));
}

void draw(const GanOptions& options, const GanTraining& run) {
    if (!have_gnuplot()) {
        fmt::print("No plot: gnuplot is not installed{}.\n", options.csv.empty() ? "" : fmt::format("; the curves are in {}", options.csv.string()));
        return;
    }
    plot_report(options.plot, run.name(), run.log());
    fmt::print("Plot: {}\n", options.plot.string());
}

bool due(std::int64_t step, std::int64_t every, std::int64_t last) { return step == last || (every > 0 && step % every == 0); }

// What is written after a step.
void write_outputs(const GanOptions& options, GanTraining& run, ProgressBar& bar) {
    const std::int64_t step = run.steps();
    if (due(step, options.log_every, options.steps)) {
        bar.wipe();
        if (!options.quiet) fmt::print("{}", log_line(run.name(), run.log().back(), options.steps));
        std::fflush(stdout);
        if (!options.csv.empty()) replace_file(options.csv, csv_report(run.name(), run.log()));
    }
    if (!options.samples.empty() && due(step, options.sample_every, options.steps))
        write_samples(options.samples / fmt::format("step-{:06}.png", step), run.generator(), grid_images, options.seed);
    if (!options.save.empty() && (due(step, options.save_every, options.steps) || stop_signal() != 0)) run.save(options.save);
}

// The exit code.
int train(const GanOptions& options) {
    const nn::ImageSets data = load_data(options);
    if (!options.samples.empty()) std::filesystem::create_directories(options.samples);
    auto distance = make_distance(options, data);
    nn::ImageClassification images = data.train;
    images.normalisation = {{0.5f}, {0.5f}};
    GanTraining run(options, images);
    if (!options.resume.empty()) run.resume(options.resume);
    const std::int64_t first = run.steps();
    const auto start = std::chrono::steady_clock::now();
    {
        ProgressBar bar(run.name(), "images", first * options.batch, options.steps * options.batch, !options.quiet);
        while (run.steps() < options.steps) {
            run.step();
            bar.advance(options.batch);
            write_outputs(options, run, bar);
            if (stop_signal() == 0) continue;
            fmt::print(stderr, "dcgan: stopped by signal {}{}\n", stop_signal(),
                       options.save.empty() ? "" : fmt::format("; continue with --resume {}", options.save.string()));
            return stop_exit_code();
        }
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (run.steps() > first) fmt::print("{}: {:.1f} ms a step\n", run.name(), 1000 * seconds / static_cast<double>(run.steps() - first));
    if (first == run.steps() && !options.csv.empty()) replace_file(options.csv, csv_report(run.name(), run.log()));
    if (!options.plot.empty()) draw(options, run);
    if (distance) print_distance(options, *distance, run.generator(), data.test.size());
    return 0;
}

void generate(const GanOptions& options) {
    const auto generator = load_generator(options.from, options.generator_recipe());
    if (!options.png.empty()) {
        write_samples(options.png, *generator, options.generate, options.seed);
        fmt::print("{} images: {}\n", options.generate, options.png.string());
    }
    if (options.features.empty()) return;
    const nn::ImageSets data = load_data(options);
    auto distance = make_distance(options, data);
    print_distance(options, *distance, *generator, data.test.size());
}

int run(const GanOptions& options) {
    if (options.generate == 0) return train(options);
    generate(options);
    return 0;
}

}  // namespace
}  // namespace taper::apps

int main(int argc, char** argv) {
    taper::apps::GanOptions options;
    if (const auto code = taper::apps::parse_command_line(argc, argv, options)) return *code;
    if (options.threads > 0) omp_set_num_threads(options.threads);
    taper::apps::catch_stop_signals();
    try {
        taper::set_default_device(options.device);
        return taper::apps::run(options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "dcgan: {}\n", error.what());
        return 1;
    }
}
