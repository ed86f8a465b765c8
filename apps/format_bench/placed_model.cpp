#include "placed_model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include <taper/nn/losses.h>
#include <taper/nn/recipe.h>

#include "common/progress_bar.h"
#include "common/stop.h"

namespace taper::apps {
namespace {

std::int64_t images_with_nan(const Tensor& logits) {
    const std::vector<float> values = logits.to_vector();
    const std::size_t classes = static_cast<std::size_t>(logits.size(1));
    std::int64_t count = 0;
    for (std::size_t row = 0; row < values.size(); row += classes)
        count += std::any_of(values.begin() + static_cast<std::ptrdiff_t>(row), values.begin() + static_cast<std::ptrdiff_t>(row + classes),
                             [](float x) { return std::isnan(x); });
    return count;
}

}  // namespace

PlacedModel::PlacedModel(nn::Module& model, const std::vector<std::string>& exempt) : model_(model) {
    std::set<std::string> exempted;
    for (const std::string& pattern : exempt)
        for (const std::string& name : nn::modules_named(pattern, model)) exempted.insert(name);
    std::map<std::string, nn::Module*> modules;
    for (const auto& [name, module] : model.modules()) modules[name] = module;
    for (const auto& [name, parameter] : model.parameters()) {
        if (parameter->variable.shape().rank() < 2) continue;
        const std::size_t dot = name.find_last_of('.');
        const std::string layer = dot == std::string::npos ? "" : name.substr(0, dot);
        layers_.push_back({modules.at(layer), parameter, exempted.count(layer) > 0, {}, {}});
        layers_.back().weights.add(parameter->most_precise().to_vector());
    }
}

void PlacedModel::place_float32() { place({}); }

void PlacedModel::calibrate(const Tensor& images) {
    place_float32();
    std::vector<std::uint64_t> hooks;
    for (Layer& layer : layers_) {
        layer.inputs = {};
        hooks.push_back(layer.module->add_forward_hook([&layer](const Variable& x, const Variable&) { layer.inputs.add(x.value().to_vector()); }));
    }
    const NoGrad no_grad;
    model_.eval();
    model_(images);
    for (std::size_t i = 0; i < layers_.size(); ++i) layers_[i].module->remove_forward_hook(hooks[i]);
}

void PlacedModel::place(const Placement& placement) {
    for (const auto& [name, module] : model_.modules())
        module->set_own_precision({.weights = placement.others, .activations = placement.others, .forward = placement.accumulator});
    for (Layer& layer : layers_) {
        const Format weights = layer.exempt ? placement.exempt : placement.weights, inputs = layer.exempt ? placement.exempt : placement.activations;
        layer.weight->set_precision({.weights = fitted(weights, placement.scale, layer.weights)});
        layer.module->set_rounding("input", Target(fitted(inputs, placement.scale, layer.inputs)));
    }
}

double PlacedModel::bits() const {
    double bits = 0, count = 0;
    for (const Layer& layer : layers_) {
        const double n = static_cast<double>(layer.weight->variable.shape().elements());
        bits += n * layer.weight->variable.format().bits();
        count += n;
    }
    return bits / count;
}

double PlacedModel::bytes() const {
    double bytes = 0, count = 0;
    for (const Layer& layer : layers_) {
        bytes += static_cast<double>(layer.weight->variable.value().bytes());
        count += static_cast<double>(layer.weight->variable.shape().elements());
    }
    return bytes / count;
}

Score evaluate(nn::Module& model, const nn::DataLoader& loader, const std::string& label, bool show_progress) {
    const NoGrad no_grad;
    model.eval();
    Score score;
    ProgressBar bar(label, "batches", 0, loader.batches(), show_progress);
    const auto start = std::chrono::steady_clock::now();
    for (const nn::Batch& batch : loader.epoch(0)) {
        if (stop_signal() != 0) break;
        const Tensor logits = model(batch.images.to(default_device())).value();
        score.right += nn::correct_predictions(logits, batch.labels);
        score.nan += images_with_nan(logits);
        score.images += batch.labels.elements();
        bar.advance(1);
    }
    score.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return score;
}

}  // namespace taper::apps
