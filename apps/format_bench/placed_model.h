// PlacedModel: a trained network whose linear and convolution layers read weights and inputs rounded into formats under study.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <taper/nn/data/loader.h>
#include <taper/nn/module.h>

#include "scale_rule.h"

namespace taper::apps {

// Where what is rounded.  Biases, norms and all results are in `others`.
struct Placement {
    Format weights, activations;  // of the layers that are not exempt: their weights, and what they read
    Format exempt, others;
    ScaleRule scale = ScaleRule::none;  // of weights and activations, of exempt layers too, a layer at a time
    Accumulator accumulator = {};       // of every layer's products
};

class PlacedModel {
  public:
    // The layers are the modules with a weight of two or more axes; `exempt`: patterns of layers (nn/recipe.h).  The model must outlive it.
    // Throws Error on a pattern that names no module.
    PlacedModel(nn::Module& model, const std::vector<std::string>& exempt);

    // Notes what the layers read, the network being in float32, when it sees these images.
    void calibrate(const Tensor& images);
    void place(const Placement& placement);
    void place_float32();

    double bits() const;   // a weight, mean over the weights of the layers
    double bytes() const;  // likewise, as tensors hold them
    std::size_t layers() const { return layers_.size(); }

  private:
    struct Layer {
        nn::Module* module;
        nn::Parameter* weight;
        bool exempt;
        Sample weights, inputs;
    };
    nn::Module& model_;
    std::vector<Layer> layers_;
};

struct Score {
    std::int64_t images = 0, right = 0;
    std::int64_t nan = 0;  // images with a NaN or NaR among their logits; never right
    double seconds = 0;
    double top1() const { return 100.0 * static_cast<double>(right) / static_cast<double>(images); }  // %
};
// The rest is left undone where a signal asks to stop (common/stop.h).
Score evaluate(nn::Module& model, const nn::DataLoader& loader, const std::string& label, bool show_progress);

}  // namespace taper::apps
