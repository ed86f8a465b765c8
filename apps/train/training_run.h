// TrainingRun: one network with its precision, optimizer and random numbers, trained epoch by epoch.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <taper/nn/nn.h>
#include <taper/train/epoch_result.h>
#include <taper/train/options.h>
#include <taper/train/step_size.h>

namespace taper::train {

// Several runs may live at once; each leaves the default generator as its next epoch needs it.
class TrainingRun {
  public:
    // options and data must outlive it.
    TrainingRun(const nn::Recipe& recipe, const Model& model, const Options& options, const nn::ImageSets& data);

    const std::string& name() const { return name_; }
    const nn::Recipe& recipe() const { return recipe_; }
    const Settings& settings() const { return options_.settings; }
    const std::string& model() const { return options_.model; }
    std::int64_t parameters() { return model_->parameter_count(); }
    const Curves& results() const { return results_; }
    bool scales_loss() const { return scaler_.has_value(); }
    // Bytes of this run by role: what lasts (parameters, master, state) as it stands, the rest at the peak of a step.
    std::int64_t bytes(Role role) const { return bytes_[static_cast<std::size_t>(role)]; }

    void observe(const ObserverFactory& make);  // from the next step on
    // Continues from a checkpoint; throws Error if it is of another kind of run.
    void resume(const std::filesystem::path& file);
    bool finished() const { return progress_.epoch >= settings().epochs; }
    // Trains and tests the next epoch, or the rest of it.  False if a stop signal came: then it is as saved.
    bool train_epoch();

  private:
    bool in_float32() const { return progress_.epoch < settings().float32_epochs; }
    void use_recipe();
    bool train_batches();  // false if a stop signal came
    void train_batch(const nn::Batch& batch);
    void step();
    void finish_epoch(std::optional<double> seconds);
    Tally test();
    nn::DataLoader loader(const nn::ImageClassification& data) const;
    void save(const std::filesystem::path& file);
    void restore_notes(const std::filesystem::path& file);
    StepInfo step_info() const;
    template <class F>
    void count_bytes(F&& work);

    MemoryStatistics before_ = memory_statistics();  // first, so that the constructor can tell what the other members took
    std::string name_;
    nn::Recipe recipe_;
    const Options& options_;
    const nn::ImageSets& data_;
    Generator generator_;
    std::array<std::int64_t, role_count> bytes_{};
    std::unique_ptr<nn::Module> model_;
    std::unique_ptr<nn::Optimizer> optimizer_;
    std::optional<nn::LossScaler> scaler_;
    std::vector<std::unique_ptr<Observer>> observers_;
    StepSize step_size_;
    OneLaunch one_launch_;
    nn::Progress progress_;
    Tally tally_;  // of the epoch in progress
    Curves results_;
    bool recipe_in_use_ = false;
    bool counted_ = false;  // the bytes of a step
};

}  // namespace taper::train
