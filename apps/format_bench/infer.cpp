#include "infer.h"

#include <zlib.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include <taper/core/io.h>
#include <taper/formats/error.h>
#include <taper/nn/data/image_folder.h>
#include <taper/nn/models/models.h>

#include "common/plot.h"
#include "common/stop.h"
#include "infer_report.h"
#include "placed_model.h"

namespace taper::apps {
namespace {

// The tensors of a file of weights; of a checkpoint those of its model.
NamedTensors read_weights(const std::filesystem::path& file) {
    NamedTensors all = load(file).tensors, model;
    const std::string prefix = "model.";
    for (const auto& [name, tensor] : all)
        if (name.starts_with(prefix)) model.emplace(name.substr(prefix.size()), tensor);
    return model.empty() ? all : model;
}

std::string crc(std::uint32_t value) { return fmt::format("{:08x}", value); }

std::uint32_t crc_of(const void* data, std::size_t bytes, std::uint32_t before) {
    return static_cast<std::uint32_t>(crc32_z(before, static_cast<const Bytef*>(data), bytes));
}

std::string crc_of(const NamedTensors& tensors) {
    std::uint32_t sum = 0;
    for (const auto& [name, tensor] : tensors) sum = crc_of(tensor.data(), tensor.bytes(), crc_of(name.data(), name.size(), sum));
    return crc(sum);
}

void keep_first(nn::ImageClassification& set, std::int64_t count) {
    if (count <= 0 || count >= set.size()) return;
    const std::int64_t pixels = set.shape[1] * set.shape[2] * set.shape[3];
    set.labels.resize(static_cast<std::size_t>(count));
    set.images.resize(static_cast<std::size_t>(count * pixels));
    set.shape = {count, set.shape[1], set.shape[2], set.shape[3]};
}

std::string crc_of(const nn::ImageClassification& set) {
    std::uint32_t sum = crc_of(set.images.data(), set.images.size(), 0);
    sum = crc_of(set.labels.data(), set.labels.size(), sum);
    for (const std::vector<float>* numbers : {&set.normalisation.mean, &set.normalisation.deviation})
        sum = crc_of(numbers->data(), numbers->size() * sizeof(float), sum);
    return crc(sum);
}

// The images that are used, normalised as the model wants them.
nn::ImageSets read_images(const InferOptions& options, const nn::ModelEntry& model) {
    nn::ImageSets sets = nn::load_images(options.data);
    const Shape image{sets.test.shape[1], sets.test.shape[2], sets.test.shape[3]};
    if (image != model.image)
        throw Error(fmt::format("format_bench: images do not fit the model: {} has {} (want {} for {})", options.data.string(), image.str(), model.image.str(),
                                model.name));
    keep_first(sets.test, options.limit);
    keep_first(sets.train, options.calibration);
    for (nn::ImageClassification* set : {&sets.train, &sets.test})
        set->normalisation = {options.mean.empty() ? model.mean : options.mean, options.deviation.empty() ? model.deviation : options.deviation};
    return sets;
}

std::string joined(const std::vector<std::string>& patterns, const Format& format) {
    return patterns.empty() ? "" : fmt::format("{}: {}", fmt::join(patterns, " "), format.name());
}

class Evaluation {
  public:
    explicit Evaluation(const InferOptions& options)
        : options_(options),
          entry_(nn::find_model(options.model)),
          sets_(read_images(options, entry_)),
          module_(nn::make_model(options.model, sets_.test.classes)),
          weights_(read_weights(options.checkpoint)),
          results_(options.csv) {
        module_->load(weights_);
        placed_.emplace(*module_, options.exempt);
        loader_.emplace(sets_.test, nn::DataLoaderOptions{.batch_size = options.batch, .shuffle = false});
        common_ = {.checkpoint = options.checkpoint.filename().string(),
                   .model = options.model,
                   .weights_crc = crc_of(weights_),
                   .data_crc = crc_of(sets_.test),
                   .images = std::to_string(sets_.test.size()),
                   .calibration = std::to_string(sets_.train.size()),
                   .scale = name(options.scale),
                   .accumulate = options.accumulator.name(),
                   .exempt = joined(options.exempt, options.exempt_format),
                   .others = options.others.name(),
                   .batch = std::to_string(options.batch),
                   .weights = {},
                   .activations = {}};
    }

    // Nothing where a signal asked to stop.
    std::optional<InferRow> float32() {
        InferRow::Settings settings = common_;
        settings.scale = name(ScaleRule::none);
        settings.calibration = settings.exempt = "";
        settings.accumulate = settings.others = settings.weights = settings.activations = "float32";
        return row(settings, {}, {});
    }
    std::optional<InferRow> formats(const FormatPair& pair, double float32_top1) {
        InferRow::Settings settings = common_;
        settings.weights = pair.weights.name();
        settings.activations = pair.activations.name();
        return row(settings,
                   {.weights = pair.weights,
                    .activations = pair.activations,
                    .exempt = options_.exempt_format,
                    .others = options_.others,
                    .scale = options_.scale,
                    .accumulator = options_.accumulator},
                   float32_top1);
    }

  private:
    std::optional<InferRow> row(const InferRow::Settings& settings, const Placement& placement, std::optional<double> float32_top1) {
        if (const auto known = results_.find(settings)) return known;
        if (placement.scale != ScaleRule::none && !calibrated_) calibrate();
        placed_->place(placement);
        const Score score = evaluate(*module_, *loader_, settings.weights, !options_.quiet);
        if (stop_signal() != 0) return {};
        const InferRow row{.settings = settings,
                           .top1 = score.top1(),
                           .difference = score.top1() - float32_top1.value_or(score.top1()),
                           .nan_images = score.nan,
                           .bits = placed_->bits(),
                           .bytes = placed_->bytes(),
                           .seconds = score.seconds};
        results_.add(row);
        return row;
    }

    void calibrate() {
        const nn::DataLoader loader(sets_.train, {.batch_size = sets_.train.size(), .shuffle = false});
        for (const nn::Batch& batch : loader.epoch(0)) placed_->calibrate(batch.images.to(default_device()));
        calibrated_ = true;
    }

    const InferOptions& options_;
    const nn::ModelEntry& entry_;
    nn::ImageSets sets_;
    std::unique_ptr<nn::Module> module_;
    NamedTensors weights_;
    ResultFile results_;
    std::optional<PlacedModel> placed_;
    std::optional<nn::DataLoader> loader_;
    InferRow::Settings common_;
    bool calibrated_ = false;
};

int stopped(const InferOptions& options) {
    fmt::print(stderr, "format_bench: stopped by signal {}{}\n", stop_signal(),
               options.csv.empty() ? "" : fmt::format("; the same command goes on with {}", options.csv.string()));
    return stop_exit_code();
}

}  // namespace

int infer(const InferOptions& options) {
    Evaluation evaluation(options);
    std::vector<InferRow> rows;
    const auto take = [&](const std::optional<InferRow>& row) {
        if (!row) return false;
        rows.push_back(*row);
        if (!options.quiet) fmt::print("{}", infer_line(*row));
        std::fflush(stdout);
        return true;
    };
    if (!take(evaluation.float32())) return stopped(options);
    const double float32 = rows[0].top1;
    for (const FormatPair& pair : options.pairs())
        if (!take(evaluation.formats(pair, float32))) return stopped(options);
    fmt::print("{}{}", options.quiet ? "" : "\n", infer_table(rows));
    if (options.plot.empty()) return 0;
    if (have_gnuplot()) {
        draw_infer(options.plot, fmt::format("{}, weights and inputs of layers rounded, scales {}", options.model, name(options.scale)), rows, float32);
        fmt::print("Plot: {}\n", options.plot.string());
    } else {
        fmt::print("No plot: gnuplot is not installed.\n");
    }
    return 0;
}

}  // namespace taper::apps
