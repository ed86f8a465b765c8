// Watch: how the numbers of a model lie in their formats while it trains: counts and histograms of weights, gradients, activations and errors.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <taper/core/statistics.h>
#include <taper/nn/module.h>

namespace taper::nn {

enum class Watched : std::uint8_t {
    weight,      // a parameter as the step's forward reads it
    master,      // its master, where it has one of its own
    gradient,    // its gradient as backward() leaves it, before `accumulate` adds
    activation,  // what a module returns
    error,       // the gradient of that
    state,       // what the optimizer keeps; seen where the caller says so (observe)
};
inline constexpr std::array watched_kinds{Watched::weight, Watched::master, Watched::gradient, Watched::activation, Watched::error, Watched::state};
const char* name(Watched kind);

// What one watched step saw of one tensor, or of several by one name: a module or a leaf that is used more than once.
struct WatchRow {
    std::int64_t step = 0;
    Watched kind = Watched::weight;
    std::string name;  // of the parameter or module; the whole model's result is "<output>"
    Format format;
    core::Statistics statistics = {};
    // Of the values before they were rounded into `format`: of weights with a master, and of gradients and errors that are not in their compute type.
    // Results of layers are rounded within ops, where nothing sees what they were.
    std::optional<core::OutOfRange> before = {};
};

struct WatchOptions {
    std::int64_t every = 1;  // steps 0, every, 2 every, ... are watched; >= 1, else Error
};

// Watched steps take longer (gradients are computed once more, unrounded) and compute the same bits; other steps cost nothing, for all hooks are gone.  Forward
// passes in evaluation mode or under NoGrad are not seen.  An activation and its error come in the order in which modules return, parameters in theirs.
//   nn::Watch watch(model, {.every = 100});
//   for (step = 0; ...; ++step) {
//       watch.begin_step(step);
//       ... forward, backward, optimizer.step() ...
//   }
//   for (const nn::WatchRow& row : watch.take_rows()) ...
class Watch {
  public:
    explicit Watch(Module& model, const WatchOptions& options = {});  // the model must outlive it; its modules are those of now
    ~Watch();                                                         // ends the step
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // Ends the step before.  In a watched one reads weights and masters, then sets the hooks.
    void begin_step(std::int64_t step);
    // Removes the hooks; nothing of the step is seen any more.
    void end_step();
    bool watching() const { return step_ != nullptr; }  // between begin_step() of a watched step and its end
    // One more tensor of the step; nothing happens outside a watched one.  Usage:
    //   if (watch.watching()) for (const auto& [name, tensor] : sgd.state()) watch.observe(nn::Watched::state, name, tensor);
    void observe(Watched kind, const std::string& name, const Tensor& tensor);

    const std::vector<WatchRow>& rows() const { return rows_; }
    std::vector<WatchRow> take_rows();  // the same, and forgets them; ends the step

  private:
    struct Step;
    void watch_parameter(const std::string& name, Parameter& parameter);
    void watch_module(const std::string& name, Module& module);

    Module& model_;
    std::int64_t every_;
    std::vector<WatchRow> rows_;
    std::shared_ptr<Step> step_;  // hooks of a graph that outlives the step find it gone
};

}  // namespace taper::nn
