// EpochResult: what an epoch gave, and the curves of a run as text that a checkpoint keeps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace taper::train {

struct EpochResult {
    std::int64_t epoch = 0;                     // from 0
    double learning_rate = 0;                   // of its last step
    double train_loss = 0, train_accuracy = 0;  // running, while the weights change; accuracies from 0 to 1
    double test_loss = 0, test_accuracy = 0;    // over the whole test set, after the epoch
    double loss_scale = 1;                      // after its last step
    std::int64_t skipped = 0;                   // steps that the loss scaler left out
    std::optional<double> seconds = {};         // of training alone; unknown for what a checkpoint tells and for resumed epochs
};
using Curves = std::vector<EpochResult>;

// The first epoch of the best test accuracy; nothing of no epochs.
const EpochResult* best_epoch(const Curves& curves);

// Sums over the images of an epoch so far.
struct Tally {
    double loss = 0;
    std::int64_t correct = 0, images = 0, skipped = 0;
    void add(double mean_loss, std::int64_t right, std::int64_t count);
    double mean_loss() const { return loss / static_cast<double>(images); }
    double accuracy() const { return static_cast<double>(correct) / static_cast<double>(images); }
};

// To text and back, every bit but the seconds: the same run writes the same bytes.  The reverse throws Error, naming the file, on damage.
std::string text(const Curves& curves);
std::string text(const Tally& tally);
Curves parse_curves(const std::string& text, const std::filesystem::path& file);
Tally parse_tally(const std::string& text, const std::filesystem::path& file);

}  // namespace taper::train
