#include <taper/train/training_run.h>

#include <chrono>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/train/resume_notes.h>

#include "common/progress_bar.h"
#include "common/stop.h"

namespace taper::train {
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

bool lasts(Role role) { return role != Role::gradients && role != Role::saved && role != Role::indices; }

double seconds_since(std::chrono::steady_clock::time_point start) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); }

// What nn::apply would throw in a later epoch is thrown now.
void check_recipe(const nn::Recipe& recipe, const Model& model, const nn::ImageClassification& data) {
    Generator generator;
    const GeneratorLoan loan(generator);
    nn::apply(recipe, *model.make(data, generator));
}

std::int64_t batches_of(const nn::ImageClassification& data, std::int64_t batch) { return (data.size() + batch - 1) / batch; }

}  // namespace

// Adds to bytes_ what `work` takes.
template <class F>
void TrainingRun::count_bytes(F&& work) {
    const MemoryStatistics before = memory_statistics();
    reset_peak_memory();
    work();
    const MemoryStatistics after = memory_statistics();
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] += (lasts(static_cast<Role>(i)) ? after.live[i] : after.peak[i]) - before.live[i];
}

TrainingRun::TrainingRun(const nn::Recipe& recipe, const Model& model, const Options& options, const nn::ImageSets& data)
    : name_(apps::label(recipe)),
      recipe_(recipe),
      options_(options),
      data_(data),
      generator_(options.settings.seed),
      model_(model.make(data.train, generator_)),
      optimizer_(make_optimizer(options.settings.optimizer, recipe.step, model_->parameters())),
      scaler_(make_loss_scaler(options.settings.gradients)),
      step_size_(options.settings, batches_of(data.train, options.settings.batch)),
      one_launch_(options.settings.device) {
    model_->to(settings().device);
    if (in_float32())
        check_recipe(recipe, model, data.train);
    else
        use_recipe();
    const MemoryStatistics after = memory_statistics();
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = after.live[i] - before_.live[i];
}

void TrainingRun::observe(const ObserverFactory& make) { observers_.push_back(make({name_, *model_, *optimizer_})); }

// Rounds weights and state, which were float32's, into the recipe's formats; a step is measured anew.
void TrainingRun::use_recipe() {
    const GeneratorLoan loan(generator_);
    const MemoryStatistics before = memory_statistics();
    nn::apply(recipe_, *model_);
    optimizer_->round_state();
    const MemoryStatistics after = memory_statistics();
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = lasts(static_cast<Role>(i)) ? bytes_[i] + after.live[i] - before.live[i] : 0;
    recipe_in_use_ = true;
    counted_ = false;
}

// Rounding to nearest in the loader or in the model's input slot gives the same bits; the loader does it in its own thread.
nn::DataLoader TrainingRun::loader(const nn::ImageClassification& data) const {
    const Target& inputs = recipe_.precision.inputs;
    const bool training = &data == &data_.train;
    nn::DataLoaderOptions options{.batch_size = training ? settings().batch : test_batch, .shuffle = training, .seed = settings().seed};
    if (recipe_in_use_ && inputs.rounding == Rounding::nearest) options.format = inputs.format;
    if (training && settings().augment) options.augmentation = {.crop_padding = 4, .flip = true};
    return {data, options};
}

StepInfo TrainingRun::step_info() const {
    return {.epoch = progress_.epoch, .step = progress_.epoch * batches_of(data_.train, settings().batch) + progress_.batch};
}

void TrainingRun::train_batch(const nn::Batch& batch) {
    const StepInfo info = step_info();
    for (const auto& observer : observers_) observer->begin_step(info);
    optimizer_->zero_grad();
    const Variable logits = (*model_)(batch.images.to(settings().device));
    const Tensor labels = batch.labels.to(settings().device);
    const Variable loss = nn::cross_entropy(logits, labels, model_->precision(), settings().label_smoothing);
    backward(loss, {.loss_scale = scaler_ ? scaler_->scale() : 1});
    for (const auto& observer : observers_) observer->gradients(info);
    step();
    for (const auto& observer : observers_) observer->end_step(info);
    tally_.add(loss.value().item(), nn::correct_predictions(logits.value(), batch.labels), batch.labels.elements());
}

void TrainingRun::step() {
    const GradientSettings& gradients = settings().gradients;
    step_size_.apply(*optimizer_, progress_.epoch, progress_.batch);
    if (gradients.clip_value > 0) nn::clip_by_value(optimizer_->parameters(), gradients.clip_value);
    const double scale = gradients.clip_norm > 0 ? nn::clip_scale(nn::gradient_norm(optimizer_->parameters()), gradients.clip_norm) : 1;
    if (scaler_)
        tally_.skipped += scaler_->step(*optimizer_, scale) ? 0 : 1;
    else
        optimizer_->step(scale);
}

bool TrainingRun::train_batches() {
    apps::ProgressBar bar(fmt::format("{}  epoch {}/{}", name_, progress_.epoch + 1, settings().epochs), "images", tally_.images, data_.train.size(),
                          !options_.output.quiet);
    nn::BatchStream batches = loader(data_.train).epoch(progress_.epoch, progress_.batch);
    for (const nn::Batch& batch : batches) {
        const auto train = [&] { one_launch_([&] { train_batch(batch); }); };
        if (counted_)
            train();
        else
            count_bytes(train);
        counted_ = true;
        ++progress_.batch;
        bar.advance(batch.labels.elements(), fmt::format("loss {:.4f}", tally_.mean_loss()));
        const bool stop = apps::stop_signal() != 0;
        const std::int64_t every = options_.output.save_every;
        if (stop || (every > 0 && progress_.batch % every == 0)) save(options_.output.save);
        if (stop) return false;
    }
    return true;
}

bool TrainingRun::train_epoch() {
    if (!recipe_in_use_ && !in_float32()) use_recipe();
    const GeneratorLoan loan(generator_);
    model_->train();
    const bool whole = progress_.batch == 0;
    const auto start = std::chrono::steady_clock::now();
    if (!train_batches()) return false;
    finish_epoch(whole ? std::optional(seconds_since(start)) : std::nullopt);
    return true;
}

void TrainingRun::finish_epoch(std::optional<double> seconds) {
    const Tally tested = test();
    const std::int64_t last = std::max<std::int64_t>(progress_.batch - 1, 0);
    results_.push_back({.epoch = progress_.epoch,
                        .learning_rate = step_size_.rate(progress_.epoch, last),
                        .train_loss = tally_.mean_loss(),
                        .train_accuracy = tally_.accuracy(),
                        .test_loss = tested.mean_loss(),
                        .test_accuracy = tested.accuracy(),
                        .loss_scale = scaler_ ? scaler_->scale() : 1,
                        .skipped = tally_.skipped,
                        .seconds = seconds});
    for (const auto& observer : observers_) observer->end_epoch(progress_.epoch);
    tally_ = {};
    ++progress_.epoch;
    progress_.batch = 0;
    // The best one first: who is killed in between repeats the epoch, and writes both.
    const std::filesystem::path& file = options_.output.save;
    if (!file.empty() && best_epoch(results_) == &results_.back()) save(file.string() + ".best");
    save(file);
}

Tally TrainingRun::test() {
    const NoGrad no_grad;
    model_->eval();
    Tally tally;
    nn::BatchStream batches = loader(data_.test).epoch(0);
    for (const nn::Batch& batch : batches) {
        const Tensor labels = batch.labels.to(settings().device);
        const Variable logits = (*model_)(batch.images.to(settings().device));
        const Variable loss = nn::cross_entropy(logits, labels, model_->precision());
        tally.add(loss.value().item(), nn::correct_predictions(logits.value(), batch.labels), batch.labels.elements());
    }
    return tally;
}

void TrainingRun::save(const std::filesystem::path& file) {
    if (file.empty()) return;
    progress_.notes = setting_notes(settings(), model(), data_.train);
    progress_.notes["curves"] = text(results_);
    progress_.notes["tally"] = text(tally_);
    nn::save_checkpoint(file, *model_, *optimizer_, progress_, scaler_ ? &*scaler_ : nullptr);
}

void TrainingRun::resume(const std::filesystem::path& file) {
    progress_ = nn::read_progress(file);
    check_settings(progress_.notes, setting_notes(settings(), model(), data_.train), file);
    // Weights are rounded at the beginning of the epoch that follows the float32 ones: its checkpoints know the recipe from the first batch on.
    if (!recipe_in_use_ && !in_float32() && (progress_.epoch > settings().float32_epochs || progress_.batch > 0)) use_recipe();
    const GeneratorLoan loan(generator_);
    count_bytes([&] { nn::load_checkpoint(file, *model_, *optimizer_, scaler_ ? &*scaler_ : nullptr); });
    restore_notes(file);
}

void TrainingRun::restore_notes(const std::filesystem::path& file) {
    results_ = parse_curves(note(progress_.notes, "curves", file), file);
    tally_ = parse_tally(note(progress_.notes, "tally", file), file);
    const std::int64_t batches = batches_of(data_.train, settings().batch);
    if (static_cast<std::int64_t>(results_.size()) != progress_.epoch || progress_.batch > batches)
        throw Error(fmt::format("resume: damaged notes: {} tells of {} epochs and stands in epoch {}, batch {} (want at most {})", file.string(),
                                results_.size(), progress_.epoch, progress_.batch, batches));
}

}  // namespace taper::train
