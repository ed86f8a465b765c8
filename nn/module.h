// Module: parameters and children by name; what every layer and network is.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <taper/autograd/functions.h>
#include <taper/core/io.h>
#include <taper/nn/precision.h>

namespace taper::nn {

// A weight: the Variable that ops read, and the master copy that the optimizer updates.
struct Parameter {
    Variable variable;  // format and value: r_weight(master)
    Tensor master;      // undefined while the weight is its own master (equal formats)
    Precision precision;
    // master = r_master(value), weight = r_weight(master); value float32.
    void assign(const Tensor& value);
    void set_precision(const Precision& precision);  // re-rounds from the master
    const Tensor& most_precise() const { return master.defined() ? master : variable.value(); }
};

// Modules hold their children as members and name them in the constructor; they are neither copied nor moved.
//   struct Net : Module {
//       Linear fc1{784, 100}, fc2{100, 10};
//       Net() { add("fc1", fc1); add("fc2", fc2); }
//       Variable forward(const Variable& x) override { return fc2(relu(fc1(x))); }
//   };
class Module {
  public:
    Module() = default;
    virtual ~Module() = default;
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    // input slot, forward, output slot.
    Variable operator()(const Variable& x);

    // By name "conv1.weight", in the order of registration.
    std::vector<std::pair<std::string, Parameter*>> parameters();
    std::vector<std::pair<std::string, Module*>> modules();  // itself first, as ""
    std::int64_t parameter_count();

    // Sets every parameter's and slot's formats and rounds the parameters at once.  The root reads `inputs`.
    void set_precision(const Precision& precision);
    // The same for the modules whose full name is `name` or begins with `name.`; throws Error if there is none.
    void set_precision(const std::string& name, const Precision& precision);
    const Precision& precision() const { return precision_; }

    void train(bool on = true);
    void eval() { train(false); }
    bool training() const { return training_; }

    // Parameters (most precise copy) and buffers by name.
    NamedTensors state();
    // Sets what `tensors` names; throws Error on a missing, an unknown or a misshapen one.
    void load(const NamedTensors& tensors);
    void to(const Device& device);

    // A further rounding point of a model: x rounded into `activations` (or what set_rounding said for "name").
    Variable round(const std::string& name, const Variable& x);
    // Slots "input", "output" and those that round() names; an unset target removes the rounding.
    void set_rounding(const std::string& slot, const Output& target);

  protected:
    virtual Variable forward(const Variable& x) = 0;
    Parameter& add_parameter(const std::string& name, const Tensor& initial);
    void add(const std::string& name, Module& child);  // throws Error on a name used twice or with a dot
    ProductOptions product_options() const;           // of this module's precision

  private:
    std::vector<std::pair<std::string, std::unique_ptr<Parameter>>> parameters_;
    std::vector<std::pair<std::string, Module*>> children_;
    std::map<std::string, Output> slots_;
    Precision precision_;
    bool training_ = true;
};

}  // namespace taper::nn
