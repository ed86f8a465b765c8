// Optimizer: updates parameters from their gradients.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <taper/core/io.h>
#include <taper/core/steps.h>
#include <taper/nn/module.h>

namespace taper::nn {

// Parameters with options of their own, PyTorch's parameter group.
//   Usage: Sgd sgd({{matrices, {.lr = 0.1, .weight_decay = 5e-4}}, {biases, {.lr = 0.2}}});
template <class Options>
struct ParameterGroup {
    NamedParameters parameters;
    Options options;
};
template <class Options>
using ParameterGroups = std::vector<ParameterGroup<Options>>;

class Optimizer {
  public:
    virtual ~Optimizer() = default;
    Optimizer(const Optimizer&) = delete;
    Optimizer& operator=(const Optimizer&) = delete;

    // One update of every parameter that requires a gradient and has one; the gradient is multiplied by `gradient_scale` first.
    // A gradient that backward() accumulated, hence holds in float32, is rounded here once into `gradients`, after that multiplication.
    void step(double gradient_scale = 1);
    void zero_grad();  // drops the gradients

    const NamedParameters& parameters() const { return parameters_; }  // group by group
    double learning_rate() const { return learning_rate_; }            // the first group's
    double learning_rate(std::size_t group) const { return learning_rate_ * rates_.at(group); }
    // Of the first group; the others keep the ratio to it that they started with.
    void set_learning_rate(double rate) { learning_rate_ = rate; }
    // SGD's momentum and Adam's beta1, of all groups: what one-cycle schedules move.  Throws Error unless 0 < value < 1 and each group has one
    // other than 0 already.
    virtual void set_momentum(double value) = 0;
    // Rounds what it keeps into the formats of the role `state` that the parameters have now: after a change of precision, once.
    void round_state();
    std::int64_t steps() const { return steps_; }

    // What a resumed run needs to continue bit for bit (the parameters apart): "steps", and "SLOT.NAME", what the optimizer keeps per
    // parameter, in the format of the role `state`.
    virtual NamedTensors state() const;
    // Throws Error on a missing, unknown or misshapen tensor or one in another format than the role `state` has, and then sets none.
    virtual void load(const NamedTensors& tensors);
    // The choices that a resumed run must share, those that are not the default; checkpoints keep them and refuse others.
    virtual Metadata settings() const { return {}; }

  protected:
    // `name` begins the Errors.  Throws Error where there is nothing to update, a parameter comes twice, or several groups' first rate is 0.
    template <class Options>
    Optimizer(const char* name, const ParameterGroups<Options>& groups) : name_(name) {
        for (const auto& [parameters, options] : groups) add_group(parameters, options.lr);
        check_groups();
    }
    virtual void update(std::size_t index, Parameter& parameter, const Tensor& gradient, double gradient_scale) = 0;
    // Whether the parameter's group keeps this slot.
    virtual bool keeps(std::size_t slot, std::size_t index) const = 0;

    void check_momentum(double value, double before) const;  // what set_momentum throws
    std::size_t group_of(std::size_t index) const { return group_of_[index]; }
    void add_slot(const char* name);
    // What a parameter keeps: zeros in the format of the role `state` from the first call on; undefined where its group keeps no such slot.
    Tensor& slot(std::size_t slot, std::size_t index);
    bool has_slot(std::size_t slot, std::size_t index) const { return slots_[slot].tensors[index].defined(); }
    const std::string& name() const { return name_; }

  private:
    struct Slot {
        std::string prefix;  // "velocity."
        std::vector<Tensor> tensors;
    };
    void add_group(const NamedParameters& parameters, double rate);
    void check_groups();
    void check_known(const NamedTensors& tensors) const;
    Tensor loaded(const NamedTensors& tensors, std::size_t slot, std::size_t index) const;

    std::string name_;
    NamedParameters parameters_;
    std::vector<std::size_t> group_of_;
    std::vector<double> rates_;  // of the groups; relative to the first one's once all are there
    double learning_rate_ = 0;
    std::vector<Slot> slots_;
    std::int64_t steps_ = 0;
};

}  // namespace taper::nn
