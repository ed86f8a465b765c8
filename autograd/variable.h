// Variable: a Tensor in a graph of ops; backward() fills the gradients of what was marked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <taper/core/target.h>
#include <taper/core/tensor.h>

namespace taper {

struct Node;

// A handle: copies share the value, the gradient and the place in the graph.
class Variable {
  public:
    Variable() = default;
    Variable(const Tensor& value);  // NOLINT: a constant, implicitly
    // A leaf whose gradient backward() fills, rounded once into `gradient`.
    static Variable leaf(const Tensor& value, const Target& gradient = {});

    bool defined() const { return impl_ != nullptr; }
    const Tensor& value() const;
    const Shape& shape() const { return value().shape(); }
    const Format& format() const { return value().format(); }
    std::int64_t size(int axis) const { return value().size(axis); }

    bool requires_grad() const;
    void set_requires_grad(bool on);  // leaves alone: a frozen parameter costs no gradient; Error on a computed Variable
    bool is_leaf() const;

    const Tensor& grad() const;  // undefined until backward() filled it
    void set_grad(const Tensor& grad);
    void zero_grad();  // drops it

    // What the gradient is rounded into when it is complete.  A result inherits the target of its op's first operand that requires one.
    const Target& gradient_target() const;
    void set_gradient_target(const Target& target);

    // A leaf's new value (optimizers; loading).  The shape must not change.
    void set_value(const Tensor& value);

    // This value as a constant.
    Variable detach() const;

  private:
    friend struct VariableAccess;
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

// What a gradient function is asked for: one per input of its op.
struct GradientRequest {
    bool needed = false;
    Target target;  // round into this: the input's own target if this is the sole contribution, else its compute type
};

// dy -> one gradient per input (undefined where not needed).
using GradientFunction = std::function<std::vector<Tensor>(const Tensor& dy, const std::vector<GradientRequest>& requests)>;

// A tensor kept for the backward pass.  It counts as Role::saved while nothing else claims it, and get() throws Error if its
// version changed since it was saved.
class Saved {
  public:
    Saved() = default;
    explicit Saved(const Tensor& tensor);
    const Tensor& get() const;

  private:
    Tensor tensor_;
    std::uint64_t version_ = 0;
};

// How every op makes its result, and how a user writes one of their own (docs/guide.md):
//   return make_result("square", core::unary(Unary::square, x.value()), {x}, [saved = Saved(x.value())](const Tensor& dy, const auto& requests) { ... });
// If no input requires a gradient, or under NoGrad, the function is dropped and with it what it saved: build `Saved` inside
// make_gradient so that nothing is saved in vain:  make_result(name, y, inputs, make_gradient).
Variable make_result(const char* op, const Tensor& value, const std::vector<Variable>& inputs, const std::function<GradientFunction()>& make_gradient);

struct BackwardOptions {
    double loss_scale = 1;     // backward starts from d loss = loss_scale; leaves' gradients are multiplied by 1 / loss_scale before their one rounding
    bool accumulate = false;   // add to gradients that are there already; they are then held in float32 and rounded by the optimizer's step
};
// Fills grad() of every leaf that requires one and that `loss` (one element) depends on.  Iterative: depth costs no stack.
// Frees the graph's saved tensors as it goes.  Throws Error if a leaf has a gradient already and accumulate is off, or on a second pass.
void backward(const Variable& loss, const BackwardOptions& options = {});

// While it lives, this thread's ops record no graph.
class NoGrad {
  public:
    NoGrad();
    ~NoGrad();
    NoGrad(const NoGrad&) = delete;
    NoGrad& operator=(const NoGrad&) = delete;

  private:
    bool before_;
};
bool grad_enabled();

}  // namespace taper
