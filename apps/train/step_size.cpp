#include <taper/train/step_size.h>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/optim/adam.h>
#include <taper/nn/optim/schedule.h>
#include <taper/nn/optim/sgd.h>

namespace taper::train {

StepSize::StepSize(const Settings& settings, std::int64_t batches)
    : schedule_(settings.schedule), lr_(settings.optimizer.lr), epochs_(settings.epochs), batches_(batches) {
    const bool sgd = settings.optimizer.kind == OptimizerKind::sgd;
    const double momentum = sgd ? settings.optimizer.momentum : settings.optimizer.beta1;
    moves_momentum_ = schedule_.kind == ScheduleKind::one_cycle && momentum != 0 && schedule_.low_momentum != schedule_.high_momentum;
    if (schedule_.kind == ScheduleKind::one_cycle && !(schedule_.rise * static_cast<double>(step(epochs_, 0)) > 1))
        throw Error(fmt::format("schedule: one_cycle has no time to rise: {} of {} steps (want more than 1)", schedule_.rise, step(epochs_, 0)));
}

double StepSize::scheduled(std::int64_t epoch, std::int64_t batch) const {
    switch (schedule_.kind) {
        case ScheduleKind::step:
            return nn::StepLr{.initial = lr_, .period = schedule_.every, .factor = schedule_.factor}(epoch);
        case ScheduleKind::cosine:
            return nn::CosineLr{.initial = lr_, .period = epochs_, .minimum = schedule_.last}(epoch);
        case ScheduleKind::one_cycle:
            return nn::OneCycleLr{
                .maximum = lr_, .steps = step(epochs_, 0), .rise = schedule_.rise, .start = schedule_.start, .end = schedule_.end}(step(epoch, batch));
        case ScheduleKind::none:
            break;
    }
    return lr_;
}

double StepSize::rate(std::int64_t epoch, std::int64_t batch) const {
    const double rate = scheduled(epoch, batch);
    const std::int64_t period = step(schedule_.warmup, 0);
    if (step(epoch, batch) >= period) return rate;
    const auto constant = [rate](std::int64_t) { return rate; };
    return nn::WarmUp<decltype(constant)>{.then = constant, .period = period, .start = 1.0 / static_cast<double>(period)}(step(epoch, batch));
}

std::optional<double> StepSize::momentum(std::int64_t epoch, std::int64_t batch) const {
    if (!moves_momentum_) return {};
    return nn::OneCycleMomentum{
        .low = schedule_.low_momentum, .high = schedule_.high_momentum, .steps = step(epochs_, 0), .rise = schedule_.rise}(step(epoch, batch));
}

void StepSize::apply(nn::Optimizer& optimizer, std::int64_t epoch, std::int64_t batch) const {
    optimizer.set_learning_rate(rate(epoch, batch));
    if (const auto value = momentum(epoch, batch)) optimizer.set_momentum(*value);
}

std::unique_ptr<nn::Optimizer> make_optimizer(const OptimizerSettings& s, core::StepRounding rounding, const nn::NamedParameters& parameters) {
    if (s.kind == OptimizerKind::sgd) {
        const nn::SgdOptions options{
            .lr = s.lr, .momentum = s.momentum, .weight_decay = s.weight_decay, .nesterov = s.nesterov, .rounding = rounding, .compensated = s.compensated};
        return std::make_unique<nn::Sgd>(parameters, options);
    }
    nn::AdamOptions options{.lr = s.lr, .beta1 = s.beta1, .beta2 = s.beta2, .weight_decay = s.weight_decay};
    options.rounding = rounding;
    options.compensated = s.compensated;
    if (s.kind == OptimizerKind::adam) return std::make_unique<nn::Adam>(parameters, options);
    return std::make_unique<nn::AdamW>(parameters, options);
}

std::optional<nn::LossScaler> make_loss_scaler(const GradientSettings& s) {
    if (s.dynamic_scale) return nn::LossScaler({.initial = s.loss_scale});
    if (s.loss_scale != 1) return nn::LossScaler({.initial = s.loss_scale, .interval = 0});
    return {};
}

}  // namespace taper::train
