#include "training_run.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include <taper/formats/error.h>

#include "common/progress_bar.h"
#include "common/stop.h"

namespace taper::apps {
namespace {

constexpr std::int64_t test_batch = 500;

// A run draws from its own generator: lends it to the process while it works.
class GeneratorLoan {
  public:
    explicit GeneratorLoan(Generator& generator) : generator_(generator) { default_generator() = generator_; }
    ~GeneratorLoan() { generator_ = default_generator(); }
    GeneratorLoan(const GeneratorLoan&) = delete;
    GeneratorLoan& operator=(const GeneratorLoan&) = delete;

  private:
    Generator& generator_;
};

nn::DataLoaderOptions loader_options(const nn::Precision& precision, const LenetOptions& options, bool training) {
    // Rounding to nearest in the loader or in the model's input slot gives the same bits; the loader does it in its own thread.
    const Format format = precision.inputs.rounding == Rounding::nearest ? precision.inputs.format : Format::float32();
    return {.batch_size = training ? options.batch : test_batch, .shuffle = training, .seed = options.seed, .format = format};
}

bool lasts(Role role) { return role != Role::gradients && role != Role::saved && role != Role::indices; }

double seconds_since(std::chrono::steady_clock::time_point start) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }

}  // namespace

void TrainingRun::Tally::add(double mean_loss, std::int64_t right, std::int64_t count) {
    loss += mean_loss * static_cast<double>(count);
    correct += right;
    images += count;
}

// Adds to bytes_ what `work` takes.
template <class F>
void TrainingRun::count_bytes(F&& work) {
    const MemoryStatistics before = memory_statistics();
    reset_peak_memory();
    work();
    const MemoryStatistics after = memory_statistics();
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] += (lasts(static_cast<Role>(i)) ? after.live[i] : after.peak[i]) - before.live[i];
}

TrainingRun::TrainingRun(const nn::Recipe& recipe, const LenetOptions& options, const nn::ImageSets& data)
    : name_(label(recipe)),
      recipe_(recipe),
      options_(options),
      data_(data),
      generator_(options.seed),
      model_(generator_),
      sgd_(model_.parameters(), {.lr = options.lr, .momentum = options.momentum, .rounding = options.step}),
      schedule_{.initial = options.lr, .period = options.halve_every},
      train_(data.train, loader_options(recipe.precision, options, true)),
      test_(data.test, loader_options(recipe.precision, options, false)) {
    const GeneratorLoan loan(generator_);
    nn::apply(recipe, model_);
    const MemoryStatistics after = memory_statistics();
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = after.live[i] - before_.live[i];
}

void TrainingRun::train_batch(const nn::Batch& batch) {
    sgd_.zero_grad();
    const Variable logits = model_(batch.images);
    const Variable loss = nn::cross_entropy(logits, batch.labels, model_.precision());
    backward(loss, {.loss_scale = options_.loss_scale});
    sgd_.step();
    tally_.add(loss.value().item(), nn::correct_predictions(logits.value(), batch.labels), batch.labels.elements());
}

bool TrainingRun::train_epoch() {
    const GeneratorLoan loan(generator_);
    model_.train();
    sgd_.set_learning_rate(schedule_(progress_.epoch));
    const bool whole = progress_.batch == 0;
    const auto start = std::chrono::steady_clock::now();
    {
        ProgressBar bar(fmt::format("{}  epoch {}/{}", name_, progress_.epoch + 1, options_.epochs), "images", tally_.images, data_.train.size(),
                        !options_.quiet);
        nn::BatchStream batches = train_.epoch(progress_.epoch, progress_.batch);
        for (const nn::Batch& batch : batches) {
            if (counted_)
                train_batch(batch);
            else
                count_bytes([&] { train_batch(batch); });
            counted_ = true;
            ++progress_.batch;
            bar.advance(batch.labels.elements(), fmt::format("loss {:.4f}", tally_.loss / static_cast<double>(tally_.images)));
            const bool stop = stop_signal() != 0;
            if (stop || (options_.save_every > 0 && progress_.batch % options_.save_every == 0)) save();
            if (stop) return false;
        }
    }
    const double images = static_cast<double>(tally_.images);
    EpochResult result;
    result.epoch = progress_.epoch;
    result.learning_rate = sgd_.learning_rate();
    result.train_loss = tally_.loss / images;
    result.train_accuracy = static_cast<double>(tally_.correct) / images;
    if (whole) result.seconds = seconds_since(start);
    const Tally tested = test();
    result.test_loss = tested.loss / static_cast<double>(tested.images);
    result.test_accuracy = static_cast<double>(tested.correct) / static_cast<double>(tested.images);
    results_.push_back(result);
    tally_ = {};
    ++progress_.epoch;
    progress_.batch = 0;
    save();
    return true;
}

TrainingRun::Tally TrainingRun::test() {
    const NoGrad no_grad;
    model_.eval();
    Tally tally;
    nn::BatchStream batches = test_.epoch(0);
    for (const nn::Batch& batch : batches) {
        const Variable logits = model_(batch.images);
        const Variable loss = nn::cross_entropy(logits, batch.labels, model_.precision());
        tally.add(loss.value().item(), nn::correct_predictions(logits.value(), batch.labels), batch.labels.elements());
    }
    return tally;
}

// Times stay out of checkpoints: the same run writes the same bytes.
void TrainingRun::save() {
    if (options_.save.empty()) return;
    progress_.notes = {{"settings", settings()}, {"curves", curves()}, {"tally", fmt::format("{:a} {} {}", tally_.loss, tally_.correct, tally_.images)}};
    nn::save_checkpoint(options_.save, model_, sgd_, progress_);
}

std::string TrainingRun::settings() const {
    const nn::Normalisation& n = data_.train.normalisation;
    return fmt::format("{} images, mean {}, std {}, batch {}, lr {}, momentum {}, halve-every {}, loss-scale {}, seed {}", data_.train.size(), fmt::join(n.mean, " "),
                       fmt::join(n.deviation, " "), options_.batch, options_.lr, options_.momentum, options_.halve_every, options_.loss_scale, options_.seed);
}

std::string TrainingRun::curves() const {
    std::string text;
    for (const EpochResult& r : results_)
        text += fmt::format("{:a} {:a} {:a} {:a} {:a}\n", r.learning_rate, r.train_loss, r.train_accuracy, r.test_loss, r.test_accuracy);
    return text;
}

void TrainingRun::resume(const std::filesystem::path& file) {
    const GeneratorLoan loan(generator_);
    count_bytes([&] { progress_ = nn::load_checkpoint(file, model_, sgd_); });
    restore_notes(progress_.notes, file);
}

void TrainingRun::restore_notes(const Metadata& notes, const std::filesystem::path& file) {
    const auto note = [&](const char* key) {
        const auto found = notes.find(key);
        if (found == notes.end()) throw Error(fmt::format("resume: not a checkpoint of lenet: {} has no note \"{}\"", file.string(), key));
        return found->second;
    };
    if (note("settings") != settings())
        throw Error(fmt::format("resume: other settings: {} was made with {} (want {})", file.string(), note("settings"), settings()));
    const auto numbers = [&](const std::string& line, std::size_t count) {
        std::istringstream words(line);
        std::vector<double> values;
        for (std::string word; words >> word;) values.push_back(std::strtod(word.c_str(), nullptr));
        if (values.size() != count) throw Error(fmt::format("resume: damaged notes: {} has \"{}\" (want {} numbers)", file.string(), line, count));
        return values;
    };
    std::istringstream lines(note("curves"));
    for (std::string line; std::getline(lines, line);) {
        const auto v = numbers(line, 5);
        results_.push_back({.epoch = static_cast<std::int64_t>(results_.size()),
                            .learning_rate = v[0],
                            .train_loss = v[1],
                            .train_accuracy = v[2],
                            .test_loss = v[3],
                            .test_accuracy = v[4],
                            .seconds = {}});
    }
    if (static_cast<std::int64_t>(results_.size()) != progress_.epoch || progress_.batch > train_.batches())
        throw Error(fmt::format("resume: damaged notes: {} tells of {} epochs and stands in epoch {}, batch {}", file.string(), results_.size(),
                                progress_.epoch, progress_.batch));
    const auto tally = numbers(note("tally"), 3);
    tally_ = {tally[0], static_cast<std::int64_t>(tally[1]), static_cast<std::int64_t>(tally[2])};
}

}  // namespace taper::apps
