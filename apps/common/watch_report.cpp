#include "common/watch_report.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <taper/formats/error.h>

#include "common/plot.h"
#include "common/text.h"

namespace taper::apps {

void add_watch_options(CLI::App& app, WatchFlags& flags) {
    const char* group = "Watching numbers";
    auto* every = app.add_option("--watch", flags.every, "every N steps: saturated, smallest, NaR and binades of weights, gradients, activations, errors")
                      ->type_name("N")
                      ->check(CLI::PositiveNumber)
                      ->group(group);
    auto* csv = app.add_option("--watch-csv", flags.csv, "one line a tensor and watched step")->type_name("FILE")->needs(every)->group(group);
    app.add_option("--watch-plot", flags.picture, "the same as a picture, drawn by gnuplot if it is installed")
        ->type_name("FILE.png")
        ->needs(csv)
        ->group(group);
    every->needs(csv);
}

void WatchReport::begin_step(std::int64_t step) {
    if (out_) return;
    std::string text = watch_csv_header();
    if (step > 0 && std::filesystem::exists(flags_.csv)) {
        for (const WatchRecord& record : read_watch_csv(flags_.csv, step)) {
            text += watch_csv_line(record);
            picture_.add(record);
        }
    }
    replace_file(flags_.csv, text);
    out_.emplace(flags_.csv, std::ios::binary | std::ios::app);
}

void WatchReport::write(const WatchRecord& record) {
    *out_ << watch_csv_line(record);
    picture_.add(record);
}

void WatchReport::flush() {
    if (!out_->flush()) throw Error(fmt::format("watch: cannot write: {}", flags_.csv.string()));
}

bool WatchReport::draw() const {
    if (flags_.picture.empty() || picture_.empty()) return true;
    if (!have_gnuplot()) return false;
    picture_.draw(flags_.picture);
    return true;
}

ModelWatch::ModelWatch(WatchReport& report, const std::string& run, nn::Module& model, const nn::Optimizer& optimizer)
    : report_(report), run_(run), optimizer_(optimizer), watch_(model, {.every = report.flags().every}) {}

void ModelWatch::begin_step(std::int64_t epoch, std::int64_t step) {
    epoch_ = epoch;
    report_.begin_step(step);
    watch_.begin_step(step);
}

void ModelWatch::end_step() {
    if (!watch_.watching()) return;
    for (const auto& [name, tensor] : optimizer_.state())
        if (name != "steps") watch_.observe(nn::Watched::state, name, tensor);
    for (nn::WatchRow& row : watch_.take_rows()) report_.write({.run = run_, .epoch = epoch_, .row = std::move(row)});
    report_.flush();
}

}  // namespace taper::apps
