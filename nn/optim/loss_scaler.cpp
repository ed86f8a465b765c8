#include <taper/nn/optim/loss_scaler.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include <taper/core/backend.h>
#include <taper/formats/error.h>
#include <taper/nn/optim/clip.h>

namespace taper::nn {
namespace {

template <class T>
T number(const Metadata& state, const char* key) {
    const auto found = state.find(key);
    if (found == state.end() || state.size() != 3)
        throw Error(fmt::format("LossScaler: not its state: {} entries came, {} \"{}\" (want scale, good and skipped)", state.size(),
                                found == state.end() ? "without" : "with", key));
    const std::string& text = found->second;
    T value{};
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc() || end != text.data() + text.size() || !(value >= 0))
        throw Error(fmt::format("LossScaler: not a number: {} is \"{}\" (want one from 0)", key, text));
    return value;
}

}  // namespace

LossScaler::LossScaler(const LossScalerOptions& options) : options_(options), scale_(options.initial) {
    if (!(scale_ > 0) || !std::isfinite(scale_)) throw Error(fmt::format("LossScaler: the scale is not positive: {} (want a finite number above 0)", scale_));
    if (options.interval < 0) throw Error(fmt::format("LossScaler: the interval is negative: {} (want 0 or more steps)", options.interval));
}

bool LossScaler::step(Optimizer& optimizer, double gradient_scale) {
    std::set<Backend*> devices;
    for (const auto& [name, parameter] : optimizer.parameters())
        if (parameter->variable.grad().defined()) devices.insert(&backend(parameter->variable.grad().device()));
    bool finite = true;
    for (Backend* const device : devices) finite = finite && device->take_nan_count() == 0;  // NaN that met a format without one
    finite = finite && gradients_are_finite(optimizer.parameters());
    if (finite) {
        optimizer.step(gradient_scale);
        ++good_;
    } else {
        ++skipped_;
        good_ = 0;
    }
    if (options_.interval == 0) return finite;
    if (!finite) scale_ = std::max(options_.minimum, scale_ / 2);
    if (good_ == options_.interval) {
        scale_ = std::min(options_.maximum, scale_ * 2);
        good_ = 0;
    }
    return finite;
}

Metadata LossScaler::state() const { return {{"scale", fmt::format("{}", scale_)}, {"good", std::to_string(good_)}, {"skipped", std::to_string(skipped_)}}; }

void LossScaler::load(const Metadata& state) {
    const double scale = number<double>(state, "scale");
    const auto good = number<std::int64_t>(state, "good"), skipped = number<std::int64_t>(state, "skipped");
    if (!(scale > 0) || !std::isfinite(scale)) throw Error(fmt::format("LossScaler: the scale is not positive: {} (want a finite number above 0)", scale));
    scale_ = scale;
    good_ = good;
    skipped_ = skipped;
}

}  // namespace taper::nn
