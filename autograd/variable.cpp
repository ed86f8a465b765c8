#include <taper/autograd/variable.h>

#include <fmt/format.h>

#include <taper/autograd/node.h>
#include <taper/formats/error.h>
#include <algorithm>
#include <atomic>

namespace taper {

namespace {

thread_local bool recording = true;

// What dead nodes of this thread held, while the first of them tears it down.
struct Graveyard {
    std::vector<std::shared_ptr<Node>> inputs;
    std::vector<GradientFunction> gradients;  // may hold Variables, and with them nodes
    std::vector<Variable::Hook> hooks;        // likewise
    std::vector<Variable::RoundingHook> rounding_hooks;
};
thread_local Graveyard* graveyard = nullptr;

// Destroys the last element, which may put more into the graveyard; false if there is none.
template <class T>
bool take_last(std::vector<T>& all) {
    if (all.empty()) return false;
    const T dead = std::move(all.back());
    all.pop_back();
    return true;
}

std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

std::shared_ptr<Node> make_leaf_node(const Tensor& value) {
    if (value.format().is_index())
        throw Error(fmt::format("Variable: an index format has no gradient: {} (want a format with arithmetic)", value.format().name()));
    auto node = std::make_shared<Node>();
    node->shape = value.shape();
    node->format = value.format();
    return node;
}

const Target& default_target(const Format& format) {
    static const Target float32{Format::float32()}, float64{Format::float64()};
    return format.compute_type() == ComputeType::float64 ? float64 : float32;
}

}  // namespace

Node::~Node() {
    const bool outermost = graveyard == nullptr;
    Graveyard mine;
    if (outermost) graveyard = &mine;
    for (auto& input : inputs) {
        if (input) graveyard->inputs.push_back(std::move(input));
    }
    if (gradient) graveyard->gradients.push_back(std::move(gradient));
    for (auto& [number, hook] : hooks) graveyard->hooks.push_back(std::move(hook));
    for (auto& [number, hook] : rounding_hooks) graveyard->rounding_hooks.push_back(std::move(hook));
    if (!outermost) return;
    while (take_last(mine.gradients) || take_last(mine.hooks) || take_last(mine.rounding_hooks) || take_last(mine.inputs)) {
    }
    graveyard = nullptr;
}

const Target& gradient_target(const Node& node) { return node.target ? *node.target : default_target(node.format); }

Variable::Variable(const Tensor& value) : impl_(std::make_shared<Impl>()) { impl_->value = value; }

Variable Variable::leaf(const Tensor& value) {
    Variable result(value);
    result.impl_->node = make_leaf_node(value);
    return result;
}

Variable Variable::leaf(const Tensor& value, const Target& gradient) {
    Variable result = leaf(value);
    result.set_gradient_target(gradient);
    return result;
}

Variable::Impl& Variable::impl() const {
    if (!impl_) throw Error("Variable: it holds nothing: default-constructed (want one made from a Tensor or by an op)");
    return *impl_;
}

const Tensor& Variable::value() const { return impl().value; }

bool Variable::requires_grad() const { return impl_ && impl_->node && impl_->node->requires_grad; }

bool Variable::is_leaf() const { return !impl().node || impl_->node->leaf; }

void Variable::set_requires_grad(bool on) {
    if (!is_leaf()) throw Error(fmt::format("set_requires_grad: the Variable was computed by {} (want a leaf; detach() makes one)", impl_->node->op));
    if (impl_->node) {
        impl_->node->requires_grad = on;
    } else if (on) {
        impl_->node = make_leaf_node(impl_->value);
    }
}

const Tensor& Variable::grad() const {
    static const Tensor undefined;
    return impl().node ? impl_->node->grad : undefined;
}

void Variable::set_grad(const Tensor& grad) {
    if (!is_leaf() || !requires_grad()) throw Error("set_grad: the Variable is a constant or computed (want a leaf that requires a gradient)");
    if (grad.defined() && grad.shape() != shape()) {
        throw Error(fmt::format("set_grad: shapes differ: the gradient is {}, the value {}", grad.shape().str(), shape().str()));
    }
    impl_->node->grad = grad;
}

void Variable::zero_grad() {
    if (impl().node) impl_->node->grad = Tensor();
}

const Target& Variable::gradient_target() const { return impl().node ? taper::gradient_target(*impl_->node) : default_target(format()); }

void Variable::set_gradient_target(const Target& target) {
    if (target.format.is_index()) throw Error(fmt::format("set_gradient_target: an index format holds no gradients: {}", target.format.name()));
    if (impl().node) impl_->node->target = target;
}

std::uint64_t Variable::add_hook(Hook hook) {
    if (!requires_grad()) throw Error("add_hook: the Variable is a constant (want one that requires a gradient)");
    if (!hook) throw Error("add_hook: the function is empty");
    return impl_->node->hooks.emplace_back(next_id(), std::move(hook)).first;
}

std::uint64_t Variable::add_rounding_hook(RoundingHook hook) {
    if (!requires_grad()) throw Error("add_rounding_hook: the Variable is a constant (want one that requires a gradient)");
    if (!hook) throw Error("add_rounding_hook: the function is empty");
    return impl_->node->rounding_hooks.emplace_back(next_id(), std::move(hook)).first;
}

void Variable::remove_hook(std::uint64_t number) {
    if (!impl().node) return;
    const auto is_it = [&](const auto& hook) { return hook.first == number; };
    std::erase_if(impl_->node->hooks, is_it);
    std::erase_if(impl_->node->rounding_hooks, is_it);
}

void Variable::set_value(const Tensor& value) {
    if (!is_leaf()) throw Error(fmt::format("set_value: the Variable was computed by {} (want a leaf)", impl_->node->op));
    if (value.shape() != shape()) throw Error(fmt::format("set_value: shapes differ: new {}, old {}", value.shape().str(), shape().str()));
    if (impl_->node) {
        if (value.format().is_index()) throw Error(fmt::format("set_value: an index format has no gradient: {}", value.format().name()));
        impl_->node->format = value.format();
    }
    impl_->value = value;
}

Variable Variable::detach() const { return Variable(value()); }

Saved::Saved(const Tensor& tensor) : tensor_(tensor) {
    if (!tensor.defined()) return;
    version_ = tensor.version();
    if (tensor.storage()->role() == Role::other) tensor.set_role(Role::saved);
}

const Tensor& Saved::get() const {
    if (tensor_.defined() && tensor_.version() != version_) {
        throw Error(fmt::format("a saved tensor was assigned to since the forward pass: {} {}, version {} (want version {})", tensor_.format().name(),
                                tensor_.shape().str(), tensor_.version(), version_));
    }
    return tensor_;
}

Variable make_result(const char* op, const Tensor& value, const std::vector<Variable>& inputs, const std::function<GradientFunction()>& make_gradient) {
    Variable result(value);
    const auto first = std::find_if(inputs.begin(), inputs.end(), [](const Variable& v) { return v.requires_grad(); });
    if (!recording || first == inputs.end()) return result;
    auto node = std::make_shared<Node>();
    node->shape = value.shape();
    node->format = value.format();
    node->target = VariableAccess::node(*first)->target;
    node->leaf = false;
    node->op = op;
    for (const Variable& input : inputs) node->inputs.push_back(input.requires_grad() ? VariableAccess::node(input) : nullptr);
    node->gradient = make_gradient();
    if (!node->gradient) throw Error(fmt::format("{}: make_gradient gave an empty function", op));
    node->id = next_id();
    VariableAccess::set_node(result, std::move(node));
    return result;
}

NoGrad::NoGrad() : before_(recording) { recording = false; }
NoGrad::~NoGrad() { recording = before_; }
bool grad_enabled() { return recording; }

}  // namespace taper
