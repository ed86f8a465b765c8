// StepSize: learning rate and momentum of each step, by the settings' schedule.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <taper/nn/optim/loss_scaler.h>
#include <taper/nn/optim/optimizer.h>
#include <taper/train/settings.h>

namespace taper::train {

class StepSize {
  public:
    // Throws Error if one_cycle has too few steps to rise in.
    StepSize(const Settings& settings, std::int64_t batches);  // of an epoch
    double rate(std::int64_t epoch, std::int64_t batch) const;
    std::optional<double> momentum(std::int64_t epoch, std::int64_t batch) const;  // where the schedule moves it
    void apply(nn::Optimizer& optimizer, std::int64_t epoch, std::int64_t batch) const;

  private:
    std::int64_t step(std::int64_t epoch, std::int64_t batch) const { return epoch * batches_ + batch; }
    double scheduled(std::int64_t epoch, std::int64_t batch) const;
    ScheduleSettings schedule_;
    double lr_;
    std::int64_t epochs_, batches_;
    bool moves_momentum_;
};

std::unique_ptr<nn::Optimizer> make_optimizer(const OptimizerSettings& settings, core::StepRounding rounding, const nn::NamedParameters& parameters);

// Where the loss scale is dynamic or not 1: then steps whose gradients are not finite are skipped.
std::optional<nn::LossScaler> make_loss_scaler(const GradientSettings& settings);

}  // namespace taper::train
