// Variable: a Tensor in a graph of ops; backward() fills the gradients of what was marked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <taper/core/target.h>
#include <taper/core/tensor.h>

namespace taper {

// A handle: copies share the value, the gradient and the place in the graph.  The graph itself holds no values but those that
// gradient functions saved.
class Variable {
  public:
    Variable() = default;           // holds nothing: defined() is false; value() and what needs it throw Error
    Variable(const Tensor& value);  // NOLINT: a constant, implicitly
    // A leaf whose gradient backward() fills, rounded once into `gradient`; unset: float32, or float64 where the value's format
    // computes in float64.  Throws Error for an index format.
    static Variable leaf(const Tensor& value);
    static Variable leaf(const Tensor& value, const Target& gradient);

    bool defined() const { return impl_ != nullptr; }
    const Tensor& value() const;
    const Shape& shape() const { return value().shape(); }
    const Format& format() const { return value().format(); }
    std::int64_t size(int axis) const { return value().size(axis); }

    bool requires_grad() const;
    void set_requires_grad(bool on);  // leaves alone: a frozen parameter costs no gradient; Error on a computed Variable
    bool is_leaf() const;             // not computed by a recorded op: constants, parameters

    const Tensor& grad() const;         // of a leaf; undefined until backward() filled it
    void set_grad(const Tensor& grad);  // leaves that require one; same shape; an undefined tensor drops it
    void zero_grad();                   // drops it

    // What the gradient is rounded into when it is complete.  A result inherits the target of its op's first operand that requires
    // a gradient, if one was named there.  Setting it on a constant has no effect.
    const Target& gradient_target() const;
    void set_gradient_target(const Target& target);

    // Calls hook(gradient) whenever a backward pass has this Variable's gradient complete, as its op or grad() receives it: rounded into its
    // target, divided by loss_scale at a leaf, before it is added under `accumulate`.  What the hook returns takes its place, of the same
    // shape, rounded into the same format; an undefined Tensor changes nothing.  Hooks run in the order in which they came, and live as long
    // as this place in the graph.  Throws Error for a constant.
    using Hook = std::function<Tensor(const Tensor& gradient)>;
    std::uint64_t add_hook(Hook hook);    // returns its number
    // Calls hook(before, after) with the same gradient before and after its rounding, ahead of those hooks: `before` in the compute type (float32 or
    // float64), itself `after` where nothing is rounded (equal formats, `accumulate`).  Where an op rounds its result by itself it computes it once
    // more, with the same draws: bits stay as they are without the hook, time does not.  Throws Error for a constant.
    using RoundingHook = std::function<void(const Tensor& before, const Tensor& after)>;
    std::uint64_t add_rounding_hook(RoundingHook hook);
    void remove_hook(std::uint64_t number);  // of either kind; nothing happens if there is none of that number

    // A leaf's new value (optimizers; loading).  Throws Error if the shape differs.
    void set_value(const Tensor& value);

    // This value as a constant.
    Variable detach() const;

  private:
    friend struct VariableAccess;
    struct Impl;
    Impl& impl() const;  // throws Error if it holds nothing
    std::shared_ptr<Impl> impl_;
};

// What a gradient function is asked for: one per input of its op.
struct GradientRequest {
    bool needed = false;  // false: compute nothing, return an undefined Tensor
    Target target;        // round into this, once: the input's own target if this is its sole contribution, else its compute type
};

// dy -> one gradient per input, in the input's shape and the requested format (undefined where not needed).  dy has the result's
// shape, in the format of its gradient target (the loss's own dy: float32 or float64).  Called again with other requests where rounding hooks ask.
using GradientFunction = std::function<std::vector<Tensor>(const Tensor& dy, const std::vector<GradientRequest>& requests)>;

// A tensor kept for the backward pass.  Its memory counts as Role::saved from now on, unless it has a role already (parameters,
// buffers, ...).
class Saved {
  public:
    Saved() = default;  // get() gives an undefined tensor
    explicit Saved(const Tensor& tensor);
    const Tensor& get() const;  // throws Error if the tensor was assigned to since it was saved

  private:
    Tensor tensor_;
    std::uint64_t version_ = 0;
};

// How every op makes its result, and how a user writes one of their own (docs/guide.md):
//   Tensor y = core::unary(Unary::square, x.value());
//   return make_result("square", y, {x}, [&]() -> GradientFunction {
//       return [saved = Saved(x.value())](const Tensor& dy, const std::vector<GradientRequest>& requests) {
//           return std::vector<Tensor>{core::unary_backward(Unary::square, saved.get(), dy, 0, requests[0].target)};
//       };
//   });
// make_gradient is called at once, or never: if no input requires a gradient, or under NoGrad, nothing is saved and the result is a
// constant.  Inputs that are undefined count as constants.
Variable make_result(const char* op, const Tensor& value, const std::vector<Variable>& inputs, const std::function<GradientFunction()>& make_gradient);

struct BackwardOptions {
    double loss_scale = 1;    // backward starts from d loss = loss_scale; leaves' gradients are multiplied by 1 / loss_scale before their one rounding
    bool accumulate = false;  // add to gradients that are there already; they are held in float32 (float64 where the leaf computes in it)
                              // and rounded by the optimizer's step
    bool retain_graph = false;  // keep the graph and what it saved, for another pass
};
// Fills grad() of every leaf that requires one and that `loss` (one element) depends on.  Ops run from the last created to the first.
// A gradient with one contribution is rounded straight into its target; several are made in the compute type (float32, or float64
// where the value's or the target's format needs it), added there in the order in which they come, and rounded when complete.
// Iterative: depth costs no stack.  Each op's saved tensors are freed as soon as it has run, unless retain_graph.
// Throws Error, before anything is computed, if the loss has not one element or requires no gradient, on a second pass
// without retain_graph before, or if a leaf has
// a gradient already and accumulate is off; and if a gradient function's answer is not what was asked for.
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
