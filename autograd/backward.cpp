// backward(): one pass over the graph, from the last op created to the first.
#include <fmt/format.h>

#include <taper/autograd/node.h>
#include <taper/autograd/support.h>
#include <taper/core/ops.h>
#include <taper/core/random.h>
#include <taper/formats/error.h>
#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

namespace taper {

namespace {

class BackwardPass {
  public:
    BackwardPass(const Variable& loss, const BackwardOptions& options) : options_(options) {
        collect(VariableAccess::node(loss));
        Entry& root = entry(VariableAccess::node(loss));
        root.awaited = 1;
        contribute(root, Tensor::full(loss.shape(), options.loss_scale, autograd::compute_format({loss.format()}), loss.value().device()));
    }

    // Creation order is a topological order: when an op's turn comes, all that read its result have run.
    void run() {
        for (Entry& e : entries_) {
            if (!e.node->leaf) run(e);
        }
    }

  private:
    // One Variable that receives a gradient.
    struct Entry {
        std::shared_ptr<Node> node;
        std::size_t contributions = 0;  // in all; 0 for the loss, whose seed is not one
        std::size_t awaited = 0;
        Tensor gradient;  // the sum so far
        Tensor before;    // for rounding hooks, where an op rounds the gradient itself
    };

    static bool receives(const std::shared_ptr<Node>& node) { return node && node->requires_grad; }

    Entry& entry(const std::shared_ptr<Node>& node) { return entries_[index_.at(node.get())]; }

    // Finds what receives a gradient, counts the contributions, and refuses what would fail later.
    void collect(const std::shared_ptr<Node>& root) {
        visit(root);
        for (std::size_t i = 0; i < entries_.size(); ++i) {  // entries_ grows: a worklist
            const std::shared_ptr<Node> node = entries_[i].node;
            for (const auto& input : node->inputs) {
                if (receives(input)) ++entries_[visit(input)].contributions;
            }
        }
        std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.node->id > b.node->id; });
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            index_[entries_[i].node.get()] = i;
            entries_[i].awaited = entries_[i].contributions;
        }
    }

    std::size_t visit(const std::shared_ptr<Node>& node) {
        const auto [place, is_new] = index_.try_emplace(node.get(), entries_.size());
        if (is_new) {
            check(*node);
            entries_.emplace_back().node = node;
        }
        return place->second;
    }

    void check(const Node& node) const {
        if (!node.leaf && !node.gradient) {
            throw Error(fmt::format("backward: an earlier pass freed the graph: at {} {} (want a new forward pass)", node.op, node.shape.str()));
        }
        if (node.leaf && node.grad.defined() && !options_.accumulate) {
            throw Error(
                fmt::format("backward: a leaf has a gradient already: {} {} (want zero_grad() before, or accumulate)", node.format.name(), node.shape.str()));
        }
    }

    Format compute_format(const Node& node) const { return autograd::compute_format({node.format, gradient_target(node).format}); }

    // Whether a leaf's gradient is still to be scaled or added before its rounding.
    bool unfinished(const Node& node) const { return node.leaf && (options_.loss_scale != 1 || options_.accumulate); }

    GradientRequest request(const std::shared_ptr<Node>& input) {
        if (!receives(input)) return {};
        const bool sole = entry(input).contributions == 1 && !unfinished(*input);
        return {.needed = true, .target = sole ? gradient_target(*input) : Target(compute_format(*input))};
    }

    void run(Entry& e) {
        Node& node = *e.node;
        std::vector<GradientRequest> requests;
        for (const auto& input : node.inputs) requests.push_back(request(input));
        compute_unrounded(node, e.gradient, requests);
        std::vector<Tensor> gradients = call(node, e.gradient, requests);
        e.gradient = Tensor();
        const std::vector<std::shared_ptr<Node>> inputs = node.inputs;
        if (!options_.retain_graph) {
            node.gradient = nullptr;
            node.inputs.clear();
        }
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (requests[i].needed) contribute(entry(inputs[i]), std::move(gradients[i]));
        }
    }

    // What rounding hooks see of the gradients that this op is about to round.
    void compute_unrounded(const Node& node, const Tensor& dy, const std::vector<GradientRequest>& requests) {
        std::vector<GradientRequest> wide(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
            if (!requests[i].needed || node.inputs[i]->rounding_hooks.empty()) continue;
            const Format format = compute_format(*node.inputs[i]);
            wide[i] = {.needed = requests[i].target.format != format, .target = format};
        }
        if (std::none_of(wide.begin(), wide.end(), [](const GradientRequest& request) { return request.needed; })) return;
        const Generator draws = default_generator();
        const std::vector<Tensor> unrounded = call(node, dy, wide);
        default_generator() = draws;
        for (std::size_t i = 0; i < wide.size(); ++i) {
            if (wide[i].needed) entry(node.inputs[i]).before = unrounded[i];
        }
    }

    static std::vector<Tensor> call(const Node& node, const Tensor& dy, const std::vector<GradientRequest>& requests) {
        std::vector<Tensor> gradients;
        try {
            gradients = node.gradient(dy, requests);
        } catch (const Error& error) {
            throw Error(fmt::format("backward of {}: {}", node.op, error.what()));
        }
        if (gradients.size() != requests.size()) {
            throw Error(fmt::format("backward of {}: wrong number of gradients: {} (want one per input: {})", node.op, gradients.size(), requests.size()));
        }
        for (std::size_t i = 0; i < requests.size(); ++i) {
            if (requests[i].needed) check_answer(node, i, gradients[i], requests[i].target.format);
        }
        return gradients;
    }

    static void check_answer(const Node& node, std::size_t i, const Tensor& gradient, const Format& format) {
        const Shape& shape = node.inputs[i]->shape;
        if (gradient.defined() && gradient.shape() == shape && gradient.format() == format) return;
        const std::string came = gradient.defined() ? fmt::format("{} {}", gradient.format().name(), gradient.shape().str()) : "nothing";
        throw Error(
            fmt::format("backward of {}: the gradient of input {} is not what was asked for: {} (want {} {})", node.op, i, came, format.name(), shape.str()));
    }

    void contribute(Entry& e, Tensor gradient) {
        e.gradient = e.gradient.defined() ? core::binary(Binary::add, e.gradient, gradient) : std::move(gradient);
        if (--e.awaited > 0) return;
        if (e.node->leaf) {
            finish_leaf(e);
        } else {
            const Tensor before = e.before.defined() ? std::exchange(e.before, {}) : e.gradient;
            if (e.contributions > 1) e.gradient = autograd::rounded(e.gradient, gradient_target(*e.node));
            tell_rounding(*e.node, before, e.gradient);
            e.gradient = after_hooks(*e.node, e.gradient);
        }
    }

    void finish_leaf(Entry& e) {
        Node& node = *e.node;
        const Target target = options_.accumulate ? Target(compute_format(node)) : gradient_target(node);
        Tensor gradient = std::move(e.gradient);
        Tensor before = e.before.defined() ? std::exchange(e.before, {}) : gradient;
        if (options_.loss_scale != 1) {
            if (!node.rounding_hooks.empty()) before = core::unary(Unary::scale, gradient, 1 / options_.loss_scale);
            gradient = core::unary(Unary::scale, gradient, 1 / options_.loss_scale, target);
        } else {
            gradient = autograd::rounded(gradient, target);
        }
        tell_rounding(node, before, gradient);
        gradient = after_hooks(node, gradient);
        if (node.grad.defined()) gradient = core::binary(Binary::add, node.grad.to(target.format), gradient);
        if (gradient.storage()->role() == Role::other) gradient.set_role(Role::gradients);
        node.grad = gradient;
        e.gradient = Tensor();
    }

    static void tell_rounding(const Node& node, const Tensor& before, const Tensor& after) {
        const auto hooks = node.rounding_hooks;  // a hook may remove itself
        for (const auto& [number, hook] : hooks) hook(before, after);
    }

    // What the hooks make of a complete gradient; it keeps its format.
    static Tensor after_hooks(const Node& node, Tensor gradient) {
        const auto hooks = node.hooks;  // a hook may remove itself
        for (const auto& [number, hook] : hooks) {
            const Tensor other = hook(gradient);
            if (!other.defined()) continue;
            if (other.shape() != gradient.shape()) {
                throw Error(fmt::format("backward: a hook changed the shape of a gradient: {} came (want {})", other.shape().str(), gradient.shape().str()));
            }
            gradient = autograd::rounded(other, {gradient.format(), gradient_target(node).rounding});
        }
        return gradient;
    }

    BackwardOptions options_;
    std::vector<Entry> entries_;
    std::unordered_map<const Node*, std::size_t> index_;
};

}  // namespace

void backward(const Variable& loss, const BackwardOptions& options) {
    if (loss.value().elements() != 1) throw Error(fmt::format("backward: the loss is not a scalar: {} (want one element)", loss.shape().str()));
    if (!loss.requires_grad()) throw Error("backward: the loss requires no gradient (want one computed from a leaf that does, outside NoGrad)");
    if (!(options.loss_scale > 0) || !std::isfinite(options.loss_scale)) {
        throw Error(fmt::format("backward: loss_scale is not a positive number: {}", options.loss_scale));
    }
    NoGrad guard;  // a gradient function may be written in ops on Variables
    BackwardPass(loss, options).run();
}

}  // namespace taper
