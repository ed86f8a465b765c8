// Module: parameters and children by name; what every layer and network is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <taper/autograd/functions.h>
#include <taper/core/io.h>
#include <taper/nn/precision.h>

namespace taper::nn {

// A weight: the Variable that ops read, and the master copy that the optimizer updates.
struct Parameter {
    Variable variable;  // format and value: r_weight(master); its gradient is rounded into precision.gradients
    Tensor master;      // undefined while the weight is its own master (equal formats)
    Precision precision;
    explicit Parameter(const Tensor& initial);  // in float32
    // master = r_master(value), weight = r_weight(master); value in any format, of the parameter's shape.
    void assign(const Tensor& value);
    void set_precision(const Precision& precision);  // re-rounds from the master, drops the gradient
    void restore_weight(const Tensor& weight);       // the weight alone, in its format: a checkpoint of stochastically rounded weights
    void to(const Device& device);
    const Tensor& most_precise() const { return master.defined() ? master : variable.value(); }

  private:
    void place(const Tensor& value);
};
using NamedParameters = std::vector<std::pair<std::string, Parameter*>>;

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

    // input slot, forward, output slot, hooks.
    Variable operator()(const Variable& x);

    // relu((*this)(x)), by one op where the module ends in a product or a norm and nothing stands between: no output slot, no hooks.  The same bits.
    Variable with_relu(const Variable& x);
    bool bare() const { return slots_.empty() && forward_hooks_.empty(); }  // neither slots nor hooks: a call is forward

    // By name "conv1.weight", a module's own before its children's, each in the order of registration; a shared one once.
    NamedParameters parameters();
    std::vector<std::pair<std::string, Tensor*>> buffers();  // likewise
    std::vector<std::pair<std::string, Module*>> modules();  // itself first, as ""
    std::int64_t parameter_count();

    // Sets every parameter's and slot's formats and rounds the parameters at once.  The module it is called on, the root, also reads
    // `inputs`: its input slot rounds into it.
    void set_precision(const Precision& precision);
    // The same, less the input slot, for the modules whose full name is `name` or begins with `name.`; throws Error if there is none.
    void set_precision(const std::string& name, const Precision& precision);
    // The same, less the input slot, for this module without its children.
    void set_own_precision(const Precision& precision);
    const Precision& precision() const { return precision_; }

    void train(bool on = true);
    void eval() { train(false); }
    bool training() const { return training_; }
    // Frozen parameters get no gradient and no update; gradients still go through them to what they are applied to.
    void freeze(bool on = true);

    // Copies of the parameters (the most precise one of each) and buffers by name.
    NamedTensors state();
    // Sets the parameters (as Parameter::assign) and buffers; throws Error on a missing, an unknown or a misshapen one, and then sets none.
    // Buffers that files may lack stay as they are.
    void load(const NamedTensors& tensors);
    void to(const Device& device);

    // A further rounding point of a model: x rounded into `activations` (or what set_rounding said for "name").
    Variable round(const std::string& name, const Variable& x);
    // Slots "input", "output" and those that round() names; an unset target removes the rounding.
    void set_rounding(const std::string& slot, const Output& target);
    const std::map<std::string, Output>& roundings() const { return slots_; }  // that were set, by slot

    // Calls hook(x, y) after each call of this module, x after its input slot, y after its output slot, in the order in which the hooks came.
    using ForwardHook = std::function<void(const Variable& x, const Variable& y)>;
    std::uint64_t add_forward_hook(ForwardHook hook);  // returns its number; throws Error on an empty function
    void remove_forward_hook(std::uint64_t number);    // nothing happens if there is none of that number

  protected:
    virtual Variable forward(const Variable& x) = 0;
    virtual Variable forward_with_relu(const Variable& x) { return relu(forward(x)); }  // for with_relu
    // Names are neither empty, nor used twice, nor hold a dot: Error.
    Parameter& add_parameter(const std::string& name, const Tensor& initial);
    // Keeps its format; the reference stays valid.  load() leaves an optional one that the file lacks as it is.
    enum class InFiles : bool { optional, required };
    Tensor& add_buffer(const std::string& name, const Tensor& initial, InFiles presence = InFiles::required);
    void add(const std::string& name, Module& child);
    // Output `activations` and the accumulators of this module's precision.
    ProductOptions product_options(Activation activation = Activation::none) const;
    // y, its gradient to be rounded into `errors`: what a layer with weights returns.
    Variable activation(Variable y) const;

  private:
    void check_name(const std::string& name) const;
    Variable apply_slot(const std::string& slot, const Output& otherwise, const Variable& x) const;

    std::vector<std::pair<std::string, std::unique_ptr<Parameter>>> parameters_;
    std::vector<std::pair<std::string, std::unique_ptr<Tensor>>> buffers_;
    std::set<const Tensor*> optional_buffers_;
    std::vector<std::pair<std::string, Module*>> children_;
    std::map<std::string, Output> slots_;
    std::vector<std::pair<std::uint64_t, ForwardHook>> forward_hooks_;
    std::uint64_t last_hook_ = 0;
    Precision precision_;
    bool training_ = true;
};

}  // namespace taper::nn
