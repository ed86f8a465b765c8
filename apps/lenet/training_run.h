// TrainingRun: one LeNet-5 with its precision, optimizer and random numbers, trained epoch by epoch.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <taper/nn/nn.h>

#include "options.h"

namespace taper::apps {

struct EpochResult {
    std::int64_t epoch = 0;  // from 0
    double learning_rate = 0;
    double train_loss = 0, train_accuracy = 0;  // running, while the weights change; accuracies from 0 to 1
    double test_loss = 0, test_accuracy = 0;    // over the whole test set, after the epoch
    std::optional<double> seconds;              // of training alone; unknown for what a checkpoint tells and for resumed epochs
};

// Several runs may live at once; each leaves the default generator as its next epoch needs it.
class TrainingRun {
  public:
    // `data` must outlive it.
    TrainingRun(const nn::Recipe& recipe, const LenetOptions& options, const nn::ImageSets& data);

    const std::string& name() const { return name_; }
    const nn::Recipe& recipe() const { return recipe_; }
    core::StepRounding step_rounding() const { return sgd_.options().rounding; }
    std::int64_t parameters() { return model_.parameter_count(); }
    const std::vector<EpochResult>& results() const { return results_; }
    // Bytes of this run by role: what lasts (parameters, master, state) as it stands, the rest at the peak of a step.
    std::int64_t bytes(Role role) const { return bytes_[static_cast<std::size_t>(role)]; }

    // Continues from a checkpoint; throws Error if it is of another kind of run.
    void resume(const std::filesystem::path& file);
    bool finished() const { return progress_.epoch >= options_.epochs; }
    // Trains and tests the next epoch, or the rest of it.  False if a stop signal came: then it is as saved.
    bool train_epoch();

  private:
    struct Tally {
        double loss = 0;  // summed over images
        std::int64_t correct = 0, images = 0;
        void add(double mean_loss, std::int64_t right, std::int64_t count);
    };
    void train_batch(const nn::Batch& batch);
    Tally test();
    void save();
    std::string settings() const;  // what a resumed run must share
    std::string curves() const;
    void restore_notes(const Metadata& notes, const std::filesystem::path& file);
    template <class F>
    void count_bytes(F&& work);

    MemoryStatistics before_ = memory_statistics();  // first, so that the constructor can tell what the other members took
    std::string name_;
    nn::Recipe recipe_;
    const LenetOptions& options_;
    const nn::ImageSets& data_;
    Generator generator_;
    std::array<std::int64_t, role_count> bytes_{};
    nn::LeNet5 model_;
    nn::Sgd sgd_;
    nn::StepLr schedule_;
    nn::DataLoader train_, test_;
    nn::Progress progress_;
    Tally tally_;  // of the epoch in progress
    std::vector<EpochResult> results_;
    bool counted_ = false;
};

}  // namespace taper::apps
